"""Rooms in API v1, v2 and v3, with the same data as in v4."""

from typing import Any

import msgspec
import pytest

from support.people import CHANGELOG, GROUP, NOTE_TO_SELF, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.areas.older import room_legacy as legacy
from talkd.areas.older.member_store import MAX_MEMBERS, NO_MEMBERS
from talkd.areas.overviews.view import seen_from_outside
from talkd.conversation.room import Room

VERSIONS = ("v1", "v2", "v3", "v4")
ALWAYS = {
    "id",
    "token",
    "type",
    "name",
    "displayName",
    "participantType",
    "lastPing",
    "sessionId",
    "hasPassword",
    "hasCall",
    "participantFlags",
    "readOnly",
    "canStartCall",
    "lastActivity",
    "isFavorite",
    "notificationLevel",
    "lobbyState",
    "lobbyTimer",
    "unreadMessages",
    "unreadMention",
    "lastReadMessage",
    "lastMessage",
    "objectType",
    "objectId",
}
V1_ONLY = {"participantInCall", "count", "numGuests", "participants", "guestList"}
SINCE_V2 = {"canLeaveConversation", "canDeleteConversation"}
SINCE_V3 = {
    "description",
    "attendeeId",
    "attendeePin",
    "actorType",
    "actorId",
    "listable",
    "callFlag",
    "sipEnabled",
    "canEnableSIP",
    "lastCommonReadMessage",
}


def in_all(who: Person, token: str) -> dict[str, dict[str, Any]]:
    """Return the room in each version."""
    return {version: who.get(f"{version}/room/{token}") for version in VERSIONS}


def by_token(who: Person, version: str) -> dict[str, dict[str, Any]]:
    """Return the room list of a version, by token."""
    return {room["token"]: room for room in who.get(f"{version}/room")}


# --- one room, four versions -----------------------------------------------------------------
def test_each_version_has_its_own_room_fields(server: Server) -> None:
    alice = server.add_user("alice")
    shown = in_all(alice, alice.create_room())
    assert set(shown["v1"]) == ALWAYS | V1_ONLY
    assert set(shown["v2"]) == ALWAYS | SINCE_V2
    assert set(shown["v3"]) == ALWAYS | SINCE_V2 | SINCE_V3
    assert set(shown["v4"]) > set(shown["v3"])


def test_common_fields_are_the_same_in_all_versions(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC, "Plans", description="What for", password="let me in")
    alice.add(token, bob)
    bob.join(token)
    bob.post(f"v4/call/{token}", flags=3)
    alice.say(token, f"Hello @{bob.id}")
    shown = in_all(bob, token)
    for version in ("v1", "v2", "v3"):
        common = shown[version].keys() & shown["v4"].keys()
        assert len(common) >= len(ALWAYS)
        assert {name: shown[version][name] for name in common} == {name: shown["v4"][name] for name in common}
        assert by_token(bob, version)[token] == shown[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_change_in_one_version_shows_in_all(server: Server, version: str) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    made = alice.request("POST", f"{version}/room", roomType=GROUP, roomName="Before")
    assert made.status_code == 201
    token = made.json()["ocs"]["data"]["token"]
    alice.add(token, bob)
    path = f"{version}/room/{token}"
    lobby = f"{path}/{'webinar' if version == 'v4' else 'webinary'}/lobby"
    for method, operation, params, field, value in (
        ("PUT", path, {"roomName": "After"}, "name", "After"),
        ("POST", f"{path}/public", {}, "type", PUBLIC),
        ("PUT", f"{path}/password", {"password": "let me in"}, "hasPassword", True),
        ("PUT", f"{path}/read-only", {"state": 1}, "readOnly", 1),
        ("PUT", lobby, {"state": 1}, "lobbyState", 1),
        ("POST", f"{path}/favorite", {}, "isFavorite", True),
        ("POST", f"{path}/notify", {"level": 3}, "notificationLevel", 3),
        ("DELETE", f"{path}/favorite", {}, "isFavorite", False),
        ("DELETE", f"{path}/public", {}, "type", GROUP),
    ):
        answer = alice.request(method, operation, **params)
        assert answer.status_code == 200, answer.text
        assert [room[field] for room in in_all(alice, token).values()] == [value] * 4, operation
        if version != "v4":
            assert answer.json()["ocs"]["data"] == []
    assert bob.status("DELETE", path) == 403
    alice.delete(path)
    assert [bob.status("GET", f"{each}/room/{token}") for each in VERSIONS] == [404] * 4


def test_v3_has_descriptions_and_listed_rooms(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(GROUP, "Open to all")
    alice.put(f"v3/room/{token}/description", description="Why")
    alice.put(f"v3/room/{token}/listable", scope=1)
    (found,) = bob.get("v3/listed-room", searchTerm="open to a")
    assert (found["token"], found["listable"], found["description"]) == (token, 1, "Why")
    assert set(found) == ALWAYS | SINCE_V2 | SINCE_V3
    assert alice.get(f"v3/room/{token}")["description"] == "Why"
    assert [alice.status("PUT", f"{each}/room/{token}/description", description="") for each in ("v1", "v2")] == [
        404,
        404,
    ]


def test_creating_a_room_is_answered_in_the_form_of_the_version(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    assert set(alice.post("v1/room", roomType=GROUP, roomName="R")) == {"token", "name", "displayName"}
    assert set(alice.post("v2/room", roomType=GROUP, roomName="R")) == ALWAYS | SINCE_V2
    assert set(alice.post("v3/room", roomType=PUBLIC, roomName="R")) == ALWAYS | SINCE_V2 | SINCE_V3
    tokens = {alice.post(f"{version}/room", roomType=ONE_TO_ONE, invite=bob.id)["token"] for version in VERSIONS}
    assert len(tokens) == 1


def test_new_users_get_the_same_rooms_in_all_versions(server: Server) -> None:
    for version in ("v1", "v2", "v3"):
        newcomer = server.add_user("newcomer")
        first = by_token(newcomer, version)
        kinds = {room["type"] for room in newcomer.get("v4/room")}
        assert kinds == {CHANGELOG, NOTE_TO_SELF}
        assert first.keys() == {room["token"] for room in newcomer.get("v4/room")}
        changelog = CHANGELOG if version != "v1" else GROUP
        assert sorted(room["type"] for room in first.values()) == sorted([changelog, GROUP])


# --- refusals in older versions --------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "below", "params", "statuses"),
    [
        ("PUT", "", {"roomName": "x"}, (405, 405, 405, 400)),
        ("PUT", "/password", {"password": "let me in"}, (403, 403, 403, 400)),
        ("POST", "/public", {}, (403, 403, 403, 400)),
        ("DELETE", "/public", {}, (403, 403, 403, 400)),
        ("PUT", "/read-only", {"state": 1}, (400, 400, 400, 400)),
    ],
)
def test_a_one_to_one_room_has_no_settings_in_older_versions(
    server: Server, method: str, below: str, params: dict[str, Any], statuses: tuple[int, ...]
) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v1/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    before = alice.room(token)
    refused = [alice.refused(method, f"{version}/room/{token}{below}", **params) for version in VERSIONS]
    assert refused == [(status, "type") for status in statuses]
    assert alice.room(token) == before


def test_a_one_to_one_room_cannot_be_deleted(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v1/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    refused = [alice.refused("DELETE", f"{version}/room/{token}") for version in VERSIONS]
    assert refused == [(403, "type"), (403, "type"), (403, "type"), (400, None)]
    assert token in alice.rooms()


def test_a_breakout_room_cannot_become_public_in_v1(server: Server) -> None:
    alice = server.add_user("alice")
    parent = alice.create_room()
    alice.post(f"v1/breakout-rooms/{parent}", mode=1, amount=1)
    (part,) = (room["token"] for room in alice.get(f"v4/room/{parent}/breakout-rooms"))
    assert alice.refused("POST", f"v1/room/{part}/public") == (403, "breakout-room")


def test_a_room_that_needs_a_password_cannot_become_public_in_older_versions(server: Server) -> None:
    alice = server.add_user("alice")
    setting = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/force_passwords"
    token = alice.create_room()
    server.admin.post(setting, json={"value": "yes"})
    try:
        for version in ("v1", "v2", "v3"):
            answer = alice.request("POST", f"{version}/room/{token}/public")
            assert (answer.status_code, answer.json()["ocs"]["data"]["error"]) == (403, "password")
    finally:
        server.admin.delete(setting)
    assert alice.room(token)["type"] == GROUP


def test_older_versions_limit_names_after_trimming_spaces(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    assert [alice.status("PUT", f"{each}/room/{token}", roomName="x" * 201) for each in VERSIONS] == [400] * 3 + [200]
    assert alice.get(f"v1/room/{token}")["name"] == "x" * 201
    alice.put(f"v1/room/{token}", roomName=f"  {'y' * 200}  ")
    assert alice.room(token)["name"] == "y" * 200


# --- members in v1 ---------------------------------------------------------------------------
def test_v1_shows_members_and_who_is_present(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    session = bob.join(token)["sessionId"]
    bob.post(f"v4/call/{token}", flags=3)
    for guests, text in ((0, ""), (1, "1 guest"), (2, "2 guests")):
        room = alice.get(f"v1/room/{token}")
        assert (room["count"], room["numGuests"], room["guestList"]) == (1, guests, text)
        server.visitor().join(token)
    room = alice.get(f"v1/room/{token}")
    assert room["participants"] == {
        alice.id: {"name": "Alice", "type": 1, "call": 0, "sessionId": "0"},
        bob.id: {"name": "Bob", "type": 3, "call": 3, "sessionId": session},
    }
    assert by_token(alice, "v1")[token] == room
    bob.delete(f"v4/room/{token}/participants/active")
    assert alice.get(f"v1/room/{token}")["count"] == 0


def test_a_user_with_two_sessions_counts_as_one_active_user(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    tablet = Person(server.client(alice.id), alice.id)
    alice.join(token)
    second = tablet.join(token)["sessionId"]
    alice.post(f"v4/call/{token}", flags=1)
    room = tablet.get(f"v1/room/{token}")
    assert (room["count"], room["participantInCall"], room["sessionId"]) == (1, False, second)
    (listed,) = alice.get(f"v1/room/{token}/participants")
    assert room["participants"][alice.id] == {"name": "Alice", "type": 1, "call": 1, "sessionId": second}
    assert (listed["inCall"], listed["sessionId"]) == (1, second)
    assert alice.get(f"v1/room/{token}")["participantInCall"] is True


def test_v1_hides_members_from_callers_who_may_not_list_participants(server: Server) -> None:
    alice, bob, visitor = server.add_user("alice"), server.add_user("bob"), server.visitor()
    token = alice.create_room(PUBLIC, "")
    alice.add(token, bob)
    alice.join(token)
    visitor.join(token)
    as_guest = visitor.request("GET", f"v1/room/{token}")
    assert as_guest.json()["ocs"]["data"]["participants"] == {}
    assert as_guest.json()["ocs"]["data"]["displayName"] == "---"
    alice.put(f"v1/room/{token}/webinary/lobby", state=1)
    waiting = bob.request("GET", f"v1/room/{token}")
    room = waiting.json()["ocs"]["data"]
    assert (room["participants"], room["count"], room["numGuests"]) == ({}, 0, 0)
    outside = server.visitor().request("GET", f"v1/room/{token}")
    for answer in (waiting, outside):
        assert alice.id not in answer.text
    assert by_token(bob, "v1")[token] == room


def test_sensitive_rooms_show_no_messages_in_all_versions(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    bob.post(f"v4/room/{token}/sensitive")
    alice.say(token, "for your eyes only")
    for version in VERSIONS:
        for path in (f"{version}/room/{token}", f"{version}/room"):
            assert "for your eyes only" not in bob.request("GET", path).text
            assert "for your eyes only" in alice.request("GET", path).text


def test_v1_shows_the_first_and_the_present_members_of_large_rooms(server: Server) -> None:
    alice, latest = server.add_user("alice"), server.add_user("latest")
    token = alice.create_room(participants={"users": [server.add_user().id for _ in range(MAX_MEMBERS)]})
    alice.add(token, latest)
    first = alice.get(f"v1/room/{token}")["participants"]
    assert len(first) == MAX_MEMBERS
    assert latest.id not in first
    latest.join(token)
    room = alice.get(f"v1/room/{token}")
    assert room["participants"].keys() == {*first, latest.id}
    assert by_token(alice, "v1")[token] == room


def test_unnamed_rooms_show_the_names_of_their_members_in_v1(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.post("v1/room", roomType=GROUP)["token"]
    for _ in range(15):
        alice.add(token, server.add_user("guest", display_name="Wilhelmina"))
    shown = in_all(alice, token)
    assert (shown["v1"]["name"], shown["v4"]["name"]) == ("", "---")
    assert shown["v1"]["displayName"].startswith("Alice, Wilhelmina, Wilhelmina")
    assert shown["v1"]["displayName"].endswith("…")
    assert len(shown["v1"]["displayName"]) == 64


def test_v1_answers_in_xml(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    answer = alice.http.get(f"/ocs/v2.php/apps/spreed/api/v1/room/{token}", headers={"Accept": "*/*"})
    assert f"<participants><{alice.id}><name>Alice</name>" in answer.text
    assert "<lastMessage>" in answer.text


# --- pure functions --------------------------------------------------------------------------
def test_v1_shows_only_the_share_password_object_type() -> None:
    fields: dict[str, Any] = {field.name: "" if field.type is str else 0 for field in msgspec.structs.fields(Room)}
    for object_type, shown in (("share:password", ("share:password", "key")), ("event", ("", ""))):
        item = Room(**{**fields, "type": PUBLIC, "object_type": object_type, "object_id": "key"})
        room = legacy.room_v1(seen_from_outside(item, shows_object=True), NO_MEMBERS)
        assert (room.objectType, room.objectId) == shown
        assert legacy.room_v2(seen_from_outside(item, shows_object=True)).objectType == object_type
