"""The common read marker: up to which message all users with public read markers have read."""

from typing import Any

import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server

HEADER = "X-Chat-Last-Common-Read"


def hide_reading(person: Person, hides: bool = True) -> None:
    person.post("v1/settings/user", key="read_status_privacy", value=int(hides))


def read(person: Person, token: str, message: int) -> None:
    person.post(f"v1/chat/{token}/read", lastReadMessage=message)


def wait(person: Person, token: str, after: int, **params: Any) -> Any:
    return person.request(
        "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=after, timeout=0, setReadMarker=0, **params
    )


@pytest.fixture
def said(alice: Person, token: str) -> list[int]:
    """Three messages of alice."""
    return [alice.say(token, str(number))["id"] for number in range(3)]


def test_users_with_read_privacy_do_not_hold_the_marker_back(
    server: Server, alice: Person, bob: Person, token: str, said: list[int]
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    read(bob, token, said[0])
    read(carol, token, said[1])
    assert alice.room(token)["lastCommonReadMessage"] == said[0]
    hide_reading(bob)
    assert alice.room(token)["lastCommonReadMessage"] == said[1]
    assert alice.rooms()[token]["lastCommonReadMessage"] == said[1]
    hide_reading(bob, False)
    assert alice.room(token)["lastCommonReadMessage"] == said[0]


def test_users_with_read_privacy_do_not_see_the_marker(alice: Person, bob: Person, token: str, said: list[int]) -> None:
    read(bob, token, said[0])
    hide_reading(alice)
    assert alice.room(token)["lastCommonReadMessage"] == 0
    assert alice.rooms()[token]["lastCommonReadMessage"] == 0
    sent = alice.request("POST", f"v1/chat/{token}", message="Hello")
    said_last = sent.json()["ocs"]["data"]["id"]
    answers = [
        sent,
        alice.request("GET", f"v1/chat/{token}", lookIntoFuture=0),
        alice.request("GET", f"v1/chat/{token}/{said[1]}/context"),
        alice.request("PUT", f"v1/chat/{token}/{said[1]}", message="Changed"),
        alice.request("POST", f"v1/chat/{token}/read"),
        alice.request("DELETE", f"v1/chat/{token}/read"),
        wait(alice, token, said[0]),
    ]
    assert [HEADER in answer.headers for answer in answers] == [False] * len(answers)
    last = bob.history(token)[0]["id"]
    assert last > said_last
    assert wait(alice, token, last, lastCommonReadId=said[0]).status_code == 304
    assert wait(bob, token, last, lastCommonReadId=said[1]).json()["ocs"]["data"] == []  # bob's read marker is public


def test_read_privacy_holds_in_rooms_joined_later(server: Server, alice: Person, token: str) -> None:
    carol = server.add_user("carol")
    hide_reading(carol)
    alice.add(token, carol)
    last = alice.say(token, "Hello")["id"]
    bob_is_behind = alice.room(token)["lastCommonReadMessage"]
    assert bob_is_behind < last
    read(carol, token, 0)
    assert alice.room(token)["lastCommonReadMessage"] == bob_is_behind


def test_guests_see_the_marker_but_do_not_hold_it_back(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest = server.visitor()
    guest.join(token)
    last = alice.say(token, "Hello")["id"]
    assert alice.room(token)["lastCommonReadMessage"] == last
    assert guest.room(token)["lastCommonReadMessage"] == last
    answer = guest.request("POST", f"v1/chat/{token}", message="Hi")
    assert int(answer.headers[HEADER]) == last


def test_removed_attendees_do_not_hold_the_marker_back(alice: Person, bob: Person, token: str, said: list[int]) -> None:
    read(bob, token, said[0])
    assert wait(alice, token, said[2], lastCommonReadId=said[0]).status_code == 304
    bob.delete(f"v4/room/{token}/participants/self")
    assert alice.room(token)["lastCommonReadMessage"] == said[2]
    assert int(wait(alice, token, said[2], lastCommonReadId=said[0]).headers[HEADER]) == said[2]


def test_without_public_read_markers_there_is_no_common_marker(alice: Person, bob: Person) -> None:
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    bob.join(pair)
    hide_reading(alice)
    hide_reading(bob)
    answer = alice.request("POST", f"v1/chat/{pair}", message="Hello")
    assert HEADER not in answer.headers
    assert bob.room(pair)["lastCommonReadMessage"] == 0
    hide_reading(bob, False)
    assert bob.room(pair)["lastCommonReadMessage"] == bob.room(pair)["lastReadMessage"]
