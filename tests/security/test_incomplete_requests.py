"""A request whose body is incomplete is not run."""

import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.people import Person
from support.raw import connection, exchange, head, read_all, statuses
from support.running import Server

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=xyz"
PARTS = b'--xyz\r\nContent-Disposition: form-data; name="message"\r\n\r\ncut by\r\n--xyz--\r\n'
BODIES = [(FORM, b"message=cut+by"), (JSON, b'{"message": "cut by"}'), (MULTIPART, PARTS), ("", b'{"message": "x"}')]


def cut_forms(kind: str, body: bytes) -> Iterator[tuple[list[str], bytes]]:
    """Yield headers and bytes of requests whose body ends early, but would be valid if it were complete."""
    described = [f"Content-Type: {kind}"] if kind else []
    yield [*described, f"Content-Length: {len(body) + 1}"], body
    yield [*described, "Content-Length: 500"], body
    chunked = [*described, "Transfer-Encoding: chunked"]
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    yield chunked, chunk  # the last chunk is missing
    yield chunked, chunk + b"0\r\n"  # the line after the last chunk is missing
    yield chunked, chunk[:-2]
    yield chunked, b"%x\r\n%s" % (len(body) + 9, body)
    yield chunked, chunk + b"zz\r\n"  # this is not a chunk length


@pytest.fixture
def alice(server: Server) -> Person:
    return server.add_user("alice")


@pytest.fixture
def token(alice: Person) -> str:
    return alice.create_room()


def messages(person: Person, token: str) -> list[Any]:
    """Return the texts of the room, newest first."""
    return [each["message"] for each in person.history(token)]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_a_request_with_an_incomplete_body_is_not_run(
    server: Server, alice: Person, token: str, kind: str, body: bytes
) -> None:
    before = messages(alice, token)
    for headers, sent in cut_forms(kind, body):
        request = head("POST", f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}", *headers, user=alice) + sent
        assert statuses(exchange(server, request)) in ([400], []), (headers, sent)
    assert messages(alice, token) == before


def test_a_request_whose_connection_ends_before_its_body_is_not_run(server: Server, alice: Person, token: str) -> None:
    before = messages(alice, token)
    for kind, body in BODIES:
        for headers, sent in cut_forms(kind, body):
            for resets in (False, True):
                with connection(server) as made:
                    if resets:
                        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
                    made.sendall(head("POST", path, *headers, user=alice) + sent)
    alice.say(token, "whole")
    assert messages(alice, token) == ["whole", *before]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "v4/room/{token}"),
        ("DELETE", "v1/chat/{token}"),
        ("POST", "v4/room/{token}/participants/active"),
        ("PUT", "v4/room/{token}/read-only"),
        ("POST", "v1/chat/{token}/read"),
        ("GET", "v4/room?noStatusUpdate=0"),
    ],
)
def test_an_incomplete_body_is_refused_without_parameters_too(
    server: Server, alice: Person, token: str, method: str, path: str
) -> None:
    before = alice.get(f"v4/room/{token}")
    for headers, sent in cut_forms(FORM, b"state=1"):
        request = head(method, "/ocs/v2.php/apps/spreed/api/" + path.format(token=token), *headers, user=alice) + sent
        assert statuses(exchange(server, request)) in ([400], []), (headers, sent)
    assert alice.get(f"v4/room/{token}") == before


def test_an_incomplete_upload_is_not_stored(server: Server, alice: Person, token: str) -> None:
    path = f"/ocs/v2.php/apps/spreed/api/v1/room/{token}/avatar"
    part = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nGIF89a\r\n--xyz--\r\n'
    for headers, sent in cut_forms(MULTIPART, part):
        answer = exchange(server, head("POST", path, *headers, user=alice) + sent)
        assert statuses(answer) in ([400], [])
    assert alice.get(f"v4/room/{token}")["isCustomAvatar"] is False


def test_a_complete_body_may_arrive_in_any_pieces(server: Server, alice: Person, token: str) -> None:
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    for kind, body in BODIES[:3]:
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        headers = f"Content-Type: {kind}", "Transfer-Encoding: chunked", "Connection: close"
        request = head("POST", path, *headers, user=alice) + pieces
        assert statuses(exchange(server, request, half_closed=False)) == [201]
    assert messages(alice, token)[:3] == ["cut by"] * 3


def test_a_connection_stays_open_after_a_complete_body(server: Server, alice: Person, token: str) -> None:
    """The client sends the next request on the same connection."""
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    with connection(server) as made:
        for kind, body in BODIES[:3]:
            chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            for framing, sent in ((f"Content-Length: {len(body)}", body), ("Transfer-Encoding: chunked", chunks)):
                request = head("POST", path, f"Content-Type: {kind}", framing, user=alice)
                for pieces in ((request + sent,), (request, sent), (request + sent[:5], sent[5:])):
                    for piece in pieces:
                        made.sendall(piece)
                        time.sleep(0.02)
                    answer = made.recv(65536)
                    assert answer.startswith(b"HTTP/1.1 201 "), (kind, framing, len(pieces))
                    assert b"connection: close" not in answer


def test_a_poll_with_a_body_waits(server: Server, alice: Person, token: str) -> None:
    last = alice.room(token)["lastMessage"]["id"]
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}?lookIntoFuture=1&timeout=20&lastKnownMessageId={last}"
    for framing, sent in (("Content-Length: 2", b"{}"), ("Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n")):
        with connection(server) as made:
            made.sendall(head("GET", path, framing, user=alice) + sent)
            made.settimeout(0.5)
            with pytest.raises(TimeoutError):
                made.recv(1000)


def test_a_body_of_a_get_request_is_ignored(server: Server, alice: Person, token: str) -> None:
    alice.say(token, "first")
    body = b'{"limit": "nonsense", "lookIntoFuture": 1, "format": "xml"}'
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}?lookIntoFuture=0"
    headers = f"Content-Type: {JSON}", f"Content-Length: {len(body)}", "Connection: close"
    answer = exchange(server, head("GET", path, *headers, user=alice) + body, half_closed=False)
    assert statuses(answer) == [200]
    assert b'"message":"first"' in answer


def test_a_body_that_does_not_arrive_times_out(sqlite_server: Server) -> None:
    sqlite_server.config.server.body_timeout = 1
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    try:
        for headers in (["Content-Length: 500"], ["Transfer-Encoding: chunked"]):
            for sent in (b"", b"3\r\nmes"):
                began = time.monotonic()
                answer = exchange(sqlite_server, head("POST", path, *headers, user=alice) + sent, half_closed=False)
                assert statuses(answer) == [408]
                assert time.monotonic() - began < 10
    finally:
        sqlite_server.config.server.body_timeout = 30
    assert "mes" not in messages(alice, token)


def test_a_body_that_arrives_too_slowly_times_out(sqlite_server: Server) -> None:
    sqlite_server.config.server.body_timeout = 1
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    try:
        with connection(sqlite_server) as made:
            made.sendall(head("POST", path, "Content-Length: 500", user=alice))
            made.settimeout(0.1)
            answer = b""
            for _ in range(100):
                made.sendall(b"m")
                try:
                    if answer := made.recv(1000):
                        break
                except TimeoutError:
                    continue
            made.settimeout(10)
            assert statuses(answer + read_all(made)) == [408]
    finally:
        sqlite_server.config.server.body_timeout = 30


@pytest.mark.parametrize("announces", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_has_arrived(sqlite_server: Server, announces: bool) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    size = sqlite_server.config.server.max_body + 1
    framing = f"Content-Length: {10 * size}" if announces else "Transfer-Encoding: chunked"
    sent = b"m" * 10 if announces else b"%x\r\n%s" % (10 * size, b"m" * size)
    answer = exchange(sqlite_server, head("POST", path, framing, user=alice) + sent, half_closed=False)
    assert statuses(answer) == [413]


@pytest.mark.parametrize("path", ["/ocs/v2.php/cloud/users/nobody", "/ocs/v2.php/nothing", "/login/v2"])
def test_an_answer_before_the_end_of_the_body_closes_the_connection(path: str, sqlite_server: Server) -> None:
    """Without the header, clients would send the next request into a closed connection."""
    length = 200_000
    with connection(sqlite_server) as made:
        made.sendall(head("PUT", path, f"Content-Type: {JSON}", f"Content-Length: {length}"))
        answer = read_all(made)
    assert statuses(answer) in ([401], [404], [405])
    assert b"connection: close" in answer
