"""Permissions: of one attendee, of all attendees, and their effect on calls."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from support.waiting import begin_waiting
from talkd.conversation.participant import change_permissions, require_permissions
from talkd.core.errors import Invalid

DEFAULT, ALL = 246, 254
START, JOIN, LOBBY, AUDIO, VIDEO, SCREEN, CHAT = 2, 4, 8, 16, 32, 64, 128


def set_default(person: Person, token: str, permissions: int) -> dict[str, Any]:
    room: dict[str, Any] = person.put(f"v4/room/{token}/permissions/default", permissions=permissions)
    return room


def change(alice: Person, token: str, other: Person | str, method: str, permissions: int) -> dict[str, Any]:
    """Change an attendee's permissions, and return the attendee as moderators see them."""
    attendee_id = alice.attendee(token, other)
    changed = alice.put(
        f"v4/room/{token}/attendees/permissions", attendeeId=attendee_id, method=method, permissions=permissions
    )
    (attendee,) = changed
    assert isinstance(attendee, dict)
    return attendee


@pytest.mark.parametrize(
    ("current", "method", "bits", "expected"),
    [
        (DEFAULT, "set", 5, 5),
        (DEFAULT, "set", CHAT, CHAT | 1),
        (DEFAULT, "set", 0, 0),
        (5, "add", CHAT, 133),
        (133, "remove", JOIN, 129),
        (DEFAULT, "add", LOBBY, ALL),
        (ALL, "remove", ALL, 0),
    ],
)
def test_setting_adding_and_removing_bits(current: int, method: str, bits: int, expected: int) -> None:
    assert change_permissions(current, method, bits) == expected


@pytest.mark.parametrize("bits", [-1, 256, 2**40])
def test_other_bits_are_refused(bits: int) -> None:
    with pytest.raises(Invalid):
        require_permissions(bits, "value")


def test_own_permissions_replace_those_of_the_room(alice: Person, bob: Person, token: str) -> None:
    assert bob.room(token)["permissions"] == DEFAULT
    assert set_default(alice, token, JOIN)["defaultPermissions"] == JOIN | 1
    assert bob.room(token)["permissions"] == JOIN | 1
    assert bob.status("POST", f"v1/chat/{token}", message="May I?") == 403
    attendee = change(alice, token, bob, "set", CHAT)
    assert (attendee["permissions"], attendee["attendeePermissions"]) == (CHAT | 1, CHAT | 1)
    bob.say(token, "I may")
    assert change(alice, token, bob, "set", 0)["permissions"] == JOIN | 1
    assert set_default(alice, token, 0)["defaultPermissions"] == 0
    assert bob.room(token)["permissions"] == DEFAULT
    assert alice.room(token)["permissions"] == ALL


def test_adding_begins_with_the_current_permissions(alice: Person, bob: Person, token: str) -> None:
    set_default(alice, token, JOIN)
    assert change(alice, token, bob, "add", CHAT)["attendeePermissions"] == JOIN | CHAT | 1


def test_setting_the_default_resets_the_permissions_of_single_attendees(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    change(alice, token, bob, "set", VIDEO)
    change(alice, token, carol, "set", CHAT)
    set_default(alice, token, AUDIO)
    for who in (bob, carol):
        shown = alice.participants(token)[who.id]
        assert (shown["permissions"], shown["attendeePermissions"]) == (AUDIO | 1, 0)
    assert alice.participants(token)[alice.id]["permissions"] == ALL


def test_the_default_resets_permissions_in_breakout_rooms_too(alice: Person, bob: Person, token: str) -> None:
    change(alice, token, bob, "set", VIDEO)
    parts = alice.post(f"v1/breakout-rooms/{token}", mode=1, amount=1)
    part = next(room["token"] for room in parts if room["objectType"] == "room")
    assert alice.participants(part)[bob.id]["attendeePermissions"] == VIDEO | 1
    set_default(alice, token, AUDIO)
    shown = alice.participants(part)[bob.id]
    assert (shown["permissions"], shown["attendeePermissions"]) == (AUDIO | 1, 0)


@pytest.mark.parametrize("version", ["v1", "v3", "v4"])
def test_promoting_and_demoting_reset_the_permissions_of_an_attendee(
    alice: Person, bob: Person, token: str, version: str
) -> None:
    parts = alice.post(f"v1/breakout-rooms/{token}", mode=1, amount=1)
    part = next(room["token"] for room in parts if room["objectType"] == "room")
    change(alice, token, bob, "set", LOBBY)
    named = {"participant": bob.id} if version == "v1" else {"attendeeId": alice.attendee(token, bob)}
    path = f"{version}/room/{token}/moderators"
    assert alice.status("POST", path, **named) == 200
    for room in (token, part):
        shown = alice.participants(room)[bob.id]
        assert (shown["permissions"], shown["attendeePermissions"]) == (ALL, 0)
    assert alice.status("DELETE", path, **named) == 200
    shown = alice.participants(token)[bob.id]
    assert (shown["permissions"], shown["attendeePermissions"]) == (DEFAULT, 0)


def test_refusals(server: Server, alice: Person, bob: Person, token: str) -> None:
    group = server.add_group(server.add_user("carol"))
    alice.add(token, group, "groups")
    attendee_id = alice.attendee(token, bob)

    def refused(person: Person, **params: Any) -> tuple[int, Any]:
        given = {"attendeeId": attendee_id, "method": "set", "permissions": 4, **params}
        return person.refused("PUT", f"v4/room/{token}/attendees/permissions", **given)

    assert refused(bob) == (403, [])
    assert refused(server.add_user("stranger")) == (404, [])
    assert refused(server.visitor()) == (404, [])
    assert refused(alice, method="toggle") == (400, "method")
    assert refused(alice, permissions=256) == (400, "value")
    assert refused(alice, permissions=-1) == (400, "value")
    assert refused(alice, attendeeId=alice.attendee(token, alice)) == (403, "moderator")
    assert refused(alice, attendeeId=alice.attendee(token, group)) == (400, "type")
    assert refused(alice, attendeeId=2**40) == (404, "participant")
    assert alice.refused("PUT", f"v4/room/{token}/attendees/permissions/all", method="set", permissions=4)[0] == 400
    assert alice.refused("PUT", f"v4/room/{token}/permissions/default", permissions=256) == (400, "value")
    assert alice.refused("PUT", f"v4/room/{token}/permissions/call", permissions=4) == (400, "mode")
    assert alice.status("PUT", f"v4/room/{token}/permissions/other", permissions=4) == 404
    both = alice.create_room(ONE_TO_ONE, invite=bob.id)
    assert alice.refused("PUT", f"v4/room/{both}/permissions/default", permissions=4) == (400, "type")
    assert bob.room(token)["permissions"] == DEFAULT


def test_an_attendee_of_another_room_is_not_found(alice: Person, bob: Person, token: str) -> None:
    other = bob.create_room()
    attendee_id = bob.attendee(other, bob)
    path = f"v4/room/{token}/attendees/permissions"
    assert alice.refused("PUT", path, attendeeId=attendee_id, method="set", permissions=4) == (404, "participant")


def test_a_self_joined_user_with_permissions_becomes_a_member(alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    bob.join(token)
    assert alice.participants(token)[bob.id]["participantType"] == 5
    assert change(alice, token, bob, "set", 0)["participantType"] == 5
    assert change(alice, token, bob, "set", 255)["participantType"] == 3
    bob.delete(f"v4/room/{token}/participants/active")
    assert token in bob.rooms()


def test_losing_a_permission_stops_publishing_at_once(alice: Person, bob: Person, token: str) -> None:
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}", flags=7)
    change(alice, token, bob, "remove", VIDEO)
    assert alice.participants(token)[bob.id]["inCall"] == 3
    set_default(alice, token, JOIN)
    change(alice, token, bob, "set", 0)
    assert alice.participants(token)[bob.id]["inCall"] == 1
    bob.put(f"v4/call/{token}", flags=7)
    assert alice.participants(token)[bob.id]["inCall"] == 1
    assert alice.participants(token)[alice.id]["inCall"] == 7
    set_default(alice, token, 0)
    bob.put(f"v4/call/{token}", flags=7)
    assert alice.participants(token)[bob.id]["inCall"] == 7


def test_signaling_reports_new_permissions_at_once(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    for person in (alice, bob):
        person.join(token)
        person.get(f"v3/signaling/{token}")
    alice.get(f"v3/signaling/{token}")
    steps: tuple[Callable[[], object], ...] = (
        lambda: change(alice, token, bob, "set", CHAT | JOIN),
        lambda: change(alice, token, bob, "set", 0),
        lambda: set_default(alice, token, CHAT | JOIN),
    )
    for set_them in steps:
        waiting = begin_waiting(server, threads, alice.get, f"v3/signaling/{token}")
        set_them()
        present = {each["userId"]: each["participantPermissions"] for each in waiting.result(10)[-1]["data"]}
        assert present[bob.id] == bob.room(token)["permissions"]
