"""Readers who get the same answer share one, and all others get their own."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPResponse

import pytest

from support.people import PUBLIC, Person
from support.raw import PATIENCE, connection, head
from support.running import Server
from support.waiting import await_waiting

V1, V2 = "/ocs/v1.php", "/ocs/v2.php"
FORMS = {
    "v2": (V2, "", "HTTP/1.1"),
    "v1": (V1, "", "HTTP/1.1"),
    "v2 as XML": (V2, "&format=xml", "HTTP/1.1"),
    "HTTP/1.0": (V2, "", "HTTP/1.0"),
    "HTTP/1.0 that stays": (V2, "", "HTTP/1.0\r\nConnection: keep-alive"),
    "HTTP/1.1 that ends": (V2, "", "HTTP/1.1\r\nConnection: close"),
}
"""The prefix, the parameters and the protocol of requests that differ in what their answers look like."""
Answer = tuple[dict[str, str], str]


def wait_together(
    server: Server, readers: list[tuple[str, Person]], token: str, act: Callable[[], object]
) -> list[Answer]:
    """Let these readers poll in these forms, act, and return headers and body of each answer."""
    known = readers[0][1].room(token)["lastMessage"]["id"]
    with ExitStack() as stack:
        await_waiting(server, 0)
        made = [stack.enter_context(connection(server)) for _ in readers]
        for (form, reader), each in zip(readers, made, strict=True):
            prefix, parameters, protocol = FORMS[form]
            chat = f"{prefix}/apps/spreed/api/v1/chat/{token}?lookIntoFuture=1&timeout=30&lastKnownMessageId={known}"
            request = head("GET", f"{chat}&setReadMarker=0{parameters}", user=reader)
            each.sendall(request.replace(b"HTTP/1.1", protocol.encode(), 1))
        await_waiting(server, len(readers))
        act()
        return [read(each) for each in made]


def read(made: socket.socket) -> Answer:
    made.settimeout(PATIENCE)
    answer = HTTPResponse(made)
    answer.begin()
    assert answer.status == 200
    return dict(answer.getheaders()), answer.read().decode()


def test_each_form_of_request_gets_its_form_of_answer(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    readers = [(form, reader) for form in FORMS for reader in (alice, bob, alice)]
    answers = wait_together(server, readers, token, lambda: alice.say(token, "to all"))
    for (form, _), (about, body) in zip(readers, answers, strict=True):
        assert body.count("to all") == 1, form
        assert ("<message>to all</message>" in body) == (form == "v2 as XML"), form
        assert ('"totalitems"' in body) == (form == "v1"), form
        wanted = {"HTTP/1.0": "close", "HTTP/1.1 that ends": "close", "HTTP/1.0 that stays": "keep-alive"}.get(form)
        assert about.get("connection") == wanted, form
    for form in FORMS:
        assert len({body for (own, _), (_, body) in zip(readers, answers, strict=True) if own == form}) == 1, form


def test_who_is_meant_by_a_system_message_gets_their_own_text(server: Server) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    alice.add(token, carol)
    readers = [("v2", reader) for reader in (carol, bob, alice, carol)]
    attendee = alice.attendee(token, bob)

    def promote() -> None:
        alice.post(f"v4/room/{token}/moderators", attendeeId=attendee)

    answers = wait_together(
        server, readers, token, lambda: alice.post(f"v4/room/{token}/moderators", attendeeId=attendee)
    )
    bodies = [body for _, body in answers]
    assert "promoted you" in bodies[1]
    assert "You promoted" in bodies[2]
    assert "ou promoted" not in bodies[0]
    assert "promoted you" not in bodies[0]
    assert bodies[0] == bodies[3]


def test_a_changed_message_is_not_answered_from_before(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    known = alice.room(token)["lastMessage"]["id"]
    asked = {"lookIntoFuture": 1, "timeout": 0, "lastKnownMessageId": known, "setReadMarker": 0}
    message = alice.say(token, "before")
    assert [each["message"] for each in alice.get(f"v1/chat/{token}", **asked)] == ["before"]
    alice.request("PUT", f"v1/chat/{token}/{message['id']}", message="after")
    assert "before" not in [each["message"] for each in alice.get(f"v1/chat/{token}", **asked)]
    alice.request("POST", f"v1/reaction/{token}/{message['id']}", reaction="👍")
    (first, *_) = alice.get(f"v1/chat/{token}", **asked)
    assert first["reactionsSelf"] == ["👍"]


@pytest.mark.parametrize("common", [True, False], ids=["shows reading", "hides reading"])
def test_the_common_read_marker_belongs_to_the_answer(server: Server, common: bool) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    if not common:
        bob.request("POST", "v1/settings/user", key="read_status_privacy", value="1")
    answers = wait_together(server, [("v2", alice), ("v2", bob)], token, lambda: alice.say(token, "news"))
    assert ["x-chat-last-common-read" in about for about, _ in answers] == [True, common]
