"""Forms with files are refused before the file is received, if what is known before is enough."""

from support.files import send
from support.people import GROUP, Person
from support.raw import connection, head, statuses
from support.running import Server
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Limits

SIZE = 50_000_000
SEND = "/ocs/v2.php/apps/spreed/api/v1/chat/{}/attachment/send"
PICTURE = "/ocs/v2.php/apps/spreed/api/v1/room/{}/avatar"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)


def begin(server: Server, path: str, user: Person | None, size: int = SIZE) -> int:
    """Send the beginning of a form with a large file, and return the status of the answer that comes then."""
    headers = (f"Content-Length: {size}", "Content-Type: multipart/form-data; boundary=x")
    with connection(server) as made:
        made.sendall(head("POST", path, *headers, user=user) + FORM + bytes(100_000))
        answer = made.recv(1000)
        assert b"connection: close" in answer.lower()
        return statuses(answer)[0]


def test_a_file_is_not_received_from_somebody_who_may_not_send_it(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(GROUP)
    assert begin(server, SEND.format(token), None) == 401
    assert begin(server, SEND.format(token), bob) == 404
    assert begin(server, SEND.format("unknown2"), bob) == 404
    alice.add(token, bob)
    assert begin(server, PICTURE.format(token), bob, 5_000_000) == 403
    alice.put(f"v4/room/{token}/read-only", state=1)
    assert begin(server, SEND.format(token), alice) == 403
    alice.put(f"v4/room/{token}/read-only", state=0)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert begin(server, SEND.format(token), bob) == 412
    send(alice, token)


def test_a_file_is_not_received_if_it_has_no_place(server: Server, limits: Contents) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(GROUP)
    send(alice, token)
    for limit in (Limits(quota=SIZE - 2_000_000), Limits(total=1), Limits(entries=1)):
        limits.limits = limit
        assert begin(server, SEND.format(token), alice) == 507


def test_a_file_that_just_fits_is_not_refused_for_the_form_around_it(server: Server, limits: Contents) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(GROUP)
    limits.limits = Limits(quota=1000)
    send(alice, token, bytes(1000), caption="x" * 900)
    answer = alice.http.post(SEND.format(token), files={"file": ("b", b"1")}, headers={"OCS-APIRequest": "true"})
    assert answer.status_code == 507
