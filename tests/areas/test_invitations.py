"""Invitations by e-mail: personal tokens, links, and lists of addresses."""

import re
from typing import Any

import pytest

from support.invitations import tokens_of
from support.people import GROUP, PUBLIC, Person
from support.running import Server, unique

HEADER = "name,email\n"


def address() -> str:
    return f"{unique('guest')}@example.org"


# --- personal tokens ------------------------------------------------------------------------
def test_a_visitor_joins_as_the_invited_attendee_by_the_personal_token(server: Server) -> None:
    alice, guest, invited = server.add_user("alice"), server.visitor(), address()
    token = alice.create_room(PUBLIC, password="Secret.7-word")
    alice.add(token, invited, "emails")
    access = tokens_of(server, token)[invited]
    joined = guest.join(token, email=invited, access=access)
    assert (joined["actorType"], joined["participantType"]) == ("emails", 4)
    assert joined["actorId"] in alice.participants(token)
    guest.delete(f"v4/room/{token}/participants/active")
    assert guest.join(token)["actorId"] == joined["actorId"]
    assert guest.say(token, "hello")["actorType"] == "emails"


def test_a_banned_invited_guest_cannot_join_as_another_guest(throttled_server: Server) -> None:
    server = throttled_server  # it trusts X-Forwarded-For, so that guests can have different addresses
    alice, invited = server.add_user("alice"), address()
    token = alice.create_room(PUBLIC)
    alice.add(token, invited, "emails")

    def join(http: Any, where: str, **params: Any) -> Any:
        http.headers["X-Forwarded-For"] = where
        return http.post(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}/participants/active", params=params)

    device, other = server.client(), server.client()
    joined = join(device, "192.0.2.7", email=invited, access=tokens_of(server, token)[invited]).json()["ocs"]["data"]
    alice.post(f"v1/ban/{token}", actorType="emails", actorId=joined["actorId"])
    assert [each["bannedActorType"] for each in alice.get(f"v1/ban/{token}")] == ["emails", "ip"]
    assert join(device, "192.0.2.8").status_code == 403, "the same browser with another address"
    assert join(other, "192.0.2.7").status_code == 403, "another browser with the same address"
    assert join(other, "192.0.2.8").status_code == 200


def test_a_personal_token_is_valid_for_its_address_and_room_only(server: Server) -> None:
    alice, first, second = server.add_user("alice"), address(), address()
    token, other = alice.create_room(PUBLIC), alice.create_room(PUBLIC)
    for room in (token, other):
        alice.add(room, first, "emails")
    alice.add(token, second, "emails")
    access = tokens_of(server, token)[first]
    join = "v4/room/{}/participants/active"
    for room, who, secret in (
        (token, second, access),
        (other, first, access),
        (token, first, access[:-1]),
        (token, first, "é"),
        (token, "", access),
    ):
        assert server.visitor().status("POST", join.format(room), email=who, access=secret) == 404
    assert server.visitor().join(token)["actorType"] == "guests"


def test_a_guest_who_sends_a_personal_token_becomes_the_invited_attendee(server: Server) -> None:
    alice, guest, invited = server.add_user("alice"), server.visitor(), address()
    token = alice.create_room(PUBLIC)
    alice.add(token, invited, "emails")
    before = guest.join(token)["actorId"]
    assert guest.join(token, email=invited, access=tokens_of(server, token)[invited])["actorType"] == "emails"
    assert before not in alice.participants(token)


def test_the_link_gives_the_browser_access_and_hides_the_token(server: Server) -> None:
    alice, guest, invited = server.add_user("alice"), server.visitor(), address()
    token = alice.create_room(PUBLIC)
    alice.add(token, invited, "emails")
    query = {"email": invited.upper(), "access": tokens_of(server, token)[invited]}
    page = guest.request("GET", f"/index.php/call/{token}", **query)
    assert (page.status_code, page.headers["location"]) == (303, f"/call/{token}#invited")
    assert guest.join(token)["actorType"] == "emails"
    wrong = server.visitor().request("GET", f"/call/{token}", email=invited, access="wrong")
    missing = server.visitor().request("GET", "/call/missing", email=invited, access="wrong")
    assert (wrong.status_code, missing.status_code) == (404, 404)
    shown = [
        re.sub('data-requesttoken="[0-9a-f]+"', "", page.text).replace(name, "")
        for page, name in ((wrong, token), (missing, "missing"))
    ]
    assert shown[0] == shown[1]


def test_a_removed_attendee_cannot_use_their_personal_token(server: Server) -> None:
    alice, guest, invited = server.add_user("alice"), server.visitor(), address()
    token = alice.create_room(PUBLIC)
    alice.add(token, invited, "emails")
    access = tokens_of(server, token)[invited]
    joined = guest.join(token, email=invited, access=access)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, joined["actorId"]))
    assert guest.status("POST", f"v4/room/{token}/participants/active", email=invited, access=access) == 404
    assert guest.join(token)["actorType"] == "guests"


def test_guessed_tokens_of_joins_and_links_are_throttled_together(throttled_server: Server) -> None:
    server = throttled_server
    alice, invited = server.add_user("alice"), address()
    token = alice.create_room(PUBLIC)
    alice.add(token, invited, "emails")
    thief = Person(server.client(headers={"X-Forwarded-For": "198.51.100.7"}), None)
    join = f"v4/room/{token}/participants/active"
    for number in range(5):
        assert thief.status("POST", join, email=invited, access=f"guess{number}") == 404
        assert thief.request("GET", f"/call/{token}", email=invited, access=f"guess{number}").status_code == 404
    access = tokens_of(server, token)[invited]
    assert thief.status("POST", join, email=invited, access=access) == 429
    assert thief.request("GET", f"/call/{token}", email=invited, access=access).status_code == 429


# --- lists of addresses ---------------------------------------------------------------------
def upload(person: Person, token: str, text: str | bytes, **query: Any) -> tuple[int, Any]:
    content = text if isinstance(text, bytes) else text.encode()
    answer = person.http.post(
        f"/ocs/v2.php/apps/spreed/api/v4/room/{token}/import-emails",
        files={"file": ("list.csv", content, "text/csv")},
        params=query,
    )
    return answer.status_code, answer.json()["ocs"]["data"]


def test_importing_a_list(server: Server) -> None:
    alice, first, second = server.add_user("alice"), address(), address()
    token = alice.create_room(GROUP)
    text = f"\ufeff{HEADER}Vera,{first}\n\n,{second}\n,{first.upper()}\n"
    assert upload(alice, token, text, testRun="true") == (200, {"invites": 2, "duplicates": 1})
    assert set(alice.participants(token)) == {alice.id}
    assert upload(alice, token, text) == (200, {"invites": 2, "duplicates": 1, "type": PUBLIC})
    names = {each["displayName"] for each in alice.participants(token).values()}
    assert names == {"Alice", "Vera", ""}
    assert upload(alice, token, text) == (200, {"invites": 0, "duplicates": 3})


def test_a_line_with_a_nul_character_is_invalid(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    status, data = upload(alice, token, f"email,name\n{address()},A\0B\n{address()}\0,Vera\n{address()},Bob\n")
    assert status == 400
    assert data["message"] == "Following lines are invalid: 2, 3"


def test_other_people_are_invited_in_spite_of_invalid_lines(server: Server) -> None:
    alice, first = server.add_user("alice"), address()
    token = alice.create_room(PUBLIC)
    status, data = upload(alice, token, f"{HEADER}Vera,{first}\nBad,nonsense\nShort\n")
    assert status == 400
    assert data["error"] == data["message"] == "Following lines are invalid: 3, 4"
    assert (data["invites"], data["invalid"], data["invalidLines"]) == (1, 2, [3, 4])
    assert len(alice.participants(token)) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "file"),
        (b"\xff\xfe\x00", "file"),
        ("name,mail\nVera,v@example.org\n", "header-email"),
        ("email,nickname\nv@example.org,Vera\n", "header-name"),
        ("email\n" + "x@example.org\n" * 5001, "file"),
    ],
)
def test_a_file_that_is_not_a_list_is_refused(sqlite_server: Server, text: str | bytes, reason: str) -> None:
    alice = sqlite_server.add_user("alice")
    status, data = upload(alice, alice.create_room(), text)
    assert (status, data["error"]) == (400, reason)


@pytest.mark.parametrize(
    "text",
    [
        'email, name\n{0}, "Doe, Ä"\n',
        'E-Mail;NAME\r\n{0};"Doe, Ä"\r\n',
        '"Name" ,"e-mail"\r"Doe, Ä" ,"{0}"\r',
        "\nsep=\t\n\nname\temail\nDoe, Ä\t{0}\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_lists_written_by_spreadsheet_programs_are_read(sqlite_server: Server, text: str, encoding: str) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room(PUBLIC)
    assert upload(alice, token, text.format(address()).encode(encoding)) == (200, {"invites": 1, "duplicates": 0})
    assert "Doe, Ä" in {each["displayName"] for each in alice.participants(token).values()}


def test_the_error_for_an_unreadable_list_names_line_and_reason(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    status, data = upload(alice, alice.create_room(), 'name,email\n\n"Vera,v@example.org\n')
    assert (status, data) == (400, {"error": "file", "message": "Line 3: a quotation mark is not closed"})
    status, data = upload(alice, alice.create_room(), "email\n" + "x@example.org\n" * 5001)
    assert (status, data["message"]) == (400, "Line 5002: a list may have 5000 people at most")


def test_a_list_cannot_be_imported_into_a_one_to_one(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=1, invite=bob.id)["token"]
    assert upload(alice, token, f"{HEADER}Vera,{address()}\n")[1]["error"] == "room"
