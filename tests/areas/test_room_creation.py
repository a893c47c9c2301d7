"""Create rooms with attributes, a group and other people."""

import time
from typing import Any

import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server


def test_a_room_is_created_with_all_attributes(alice: Person, bob: Person) -> None:
    timer = int(time.time()) + 3600
    answer = alice.request(
        "POST",
        "v4/room",
        roomType=PUBLIC,
        roomName="Full",
        description="About it",
        password="a secret of ours",
        readOnly=1,
        listable=2,
        messageExpiration=600,
        lobbyState=1,
        lobbyTimer=timer,
        sipEnabled=1,
        permissions=128,
        recordingConsent=0,
        mentionPermissions=1,
        emoji="🐳",
        avatarColor="0082c9",
        participants={"users": [bob.id]},
    )
    assert answer.status_code == 201
    room = answer.json()["ocs"]["data"]
    expected = {
        "description": "About it",
        "hasPassword": True,
        "readOnly": 1,
        "listable": 2,
        "messageExpiration": 600,
        "lobbyState": 1,
        "lobbyTimer": timer,
        "sipEnabled": 0,
        "defaultPermissions": 129,
        "mentionPermissions": 1,
        "isCustomAvatar": True,
    }
    assert {key: room[key] for key in expected} == expected
    assert "invalidParticipants" not in room
    assert alice.system_messages(room["token"]) == ["conversation_created", "avatar_set", "user_added"]
    assert all(each["expirationTimestamp"] for each in alice.history(room["token"]))
    assert bob.status("POST", f"v1/chat/{room['token']}", message="Hello") == 403


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("readOnly", 2, "read-only"),
        ("listable", 3, "listable"),
        ("listable", -1, "listable"),
        ("messageExpiration", -1, "message-expiration"),
        ("messageExpiration", 2**62, "message-expiration"),
        ("lobbyState", 2, "lobby"),
        ("lobbyTimer", -5, "lobby-timer"),
        ("lobbyTimer", 2**62, "lobby-timer"),
        ("sipEnabled", 3, "sip-enabled"),
        ("permissions", 256, "permissions"),
        ("permissions", -1, "permissions"),
        ("recordingConsent", 2, "recording-consent"),
        ("mentionPermissions", 2, "mention-permissions"),
        ("description", "x" * 2001, "description"),
        ("roomName", "x" * 256, "name"),
        ("objectType", "file", "object-type"),
        ("emoji", "no emoji", "avatar"),
    ],
)
def test_the_reason_names_the_invalid_attribute(alice: Person, attribute: str, value: Any, reason: str) -> None:
    before = set(alice.rooms())
    params = {"roomType": GROUP, "roomName": "Room", attribute: value}
    assert alice.refused("POST", "v4/room", **params) == (400, reason)
    assert set(alice.rooms()) == before


def test_object_ids_have_a_limit(alice: Person) -> None:
    assert alice.refused("POST", "v4/room", objectType="event", objectId="x" * 65) == (400, "object-id")


def test_an_object_has_a_type_and_an_id(alice: Person) -> None:
    assert alice.refused("POST", "v4/room", objectType="event") == (400, "object")
    assert alice.refused("POST", "v4/room", objectId="event") == (400, "object")


def test_a_lobby_whose_timer_has_expired_is_not_turned_on(alice: Person) -> None:
    room = alice.post("v4/room", roomName="Room", lobbyState=1, lobbyTimer=5)
    assert (room["lobbyState"], room["lobbyTimer"]) == (0, 0)
    assert alice.system_messages(room["token"]) == ["conversation_created"]


def test_the_answer_lists_refused_people_by_kind(server: Server, alice: Person, bob: Person) -> None:
    carol = server.add_user("carol")
    group = server.add_group(carol)
    invited = {
        "users": [bob.id, "nobody-of-that-name", bob.id],
        "groups": [group, "no-such-group"],
        "emails": ["vera@example.org", "otto@example.org", "no address"],
        "teams": ["any"],
        "federated_users": ["x@elsewhere.example"],
        "phones": ["+49123"],
        "unheard-of": ["x"],
    }
    answer = alice.request("POST", "v4/room", roomType=GROUP, roomName="Room", participants=invited)
    assert answer.status_code == 202
    room = answer.json()["ocs"]["data"]
    assert room["invalidParticipants"] == {
        "users": ["nobody-of-that-name"],
        "groups": ["no-such-group"],
        "emails": ["no address"],
        "teams": ["any"],
        "federated_users": ["x@elsewhere.example"],
        "phones": ["+49123"],
        "unheard-of": ["x"],
    }
    assert room["type"] == PUBLIC
    attendees = alice.participants(room["token"]).values()
    assert {each["displayName"] for each in attendees if each["actorType"] != "emails"} == {
        "Alice",
        "Bob",
        "Carol",
        group,
    }
    invited_addresses = {each["invitedActorId"] for each in attendees if each["actorType"] == "emails"}
    assert invited_addresses == {"vera@example.org", "otto@example.org"}
    assert alice.system_messages(room["token"]).count("guests_allowed") == 1


def test_only_a_one_to_one_of_the_creator_can_be_extended(
    server: Server, alice: Person, bob: Person, private: str
) -> None:
    before, carol = private, server.add_user("carol")
    room = alice.post("v4/room", roomName="More", objectType="extended_conversation", objectId=before)
    assert (room["objectType"], room["objectId"]) == ("extended_conversation", before)
    note, group, public = alice.get("v4/room/note-to-self")["token"], alice.create_room(), alice.create_room(PUBLIC)
    for who, token in (
        (carol, before),
        (alice, note),
        (alice, group),
        (alice, public),
        (alice, room["token"]),
        (alice, "abcdefgh"),
        (alice, "no token"),
        (alice, ""),
    ):
        params = {"roomName": "More", "objectType": "extended_conversation", "objectId": token}
        assert who.refused("POST", "v4/room", **params) == (400, "object")


def test_a_room_for_a_group_has_attributes_too(server: Server, alice: Person, bob: Person) -> None:
    group = server.add_group(bob)
    room = alice.post("v4/room", roomType=GROUP, invite=group, source="groups", listable=1, description="Ours")
    assert (room["name"], room["listable"], room["description"]) == (group, 1, "Ours")
    assert alice.refused("POST", "v4/room", roomType=GROUP, invite="nothing", source="groups") == (404, "invite")


@pytest.mark.parametrize("source", ["", "group", "groups"])
@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
def test_every_source_but_teams_names_a_group(
    server: Server, alice: Person, bob: Person, version: str, source: str
) -> None:
    group = server.add_group(bob)
    token = alice.post(f"{version}/room", roomType=GROUP, invite=group, source=source)["token"]
    assert set(alice.participants(token)) == {alice.id, bob.id, group}
    assert alice.room(token)["name"] == group
    params = {"roomType": GROUP, "source": source, "invite": "no-such-group"}
    assert alice.refused("POST", f"{version}/room", **params) == (404, "invite")
    for teams in ("circles", "teams"):
        params = {"roomType": GROUP, "source": teams, "invite": group}
        assert alice.refused("POST", f"{version}/room", **params) == (404, "invite")


@pytest.mark.parametrize("password", ["x", "a long enough secret"])
def test_a_password_for_a_group_room_is_ignored(alice: Person, password: str) -> None:
    answer = alice.request("POST", "v4/room", roomType=GROUP, roomName="Room", password=password)
    assert answer.status_code == 201
    token = answer.json()["ocs"]["data"]["token"]
    assert alice.room(token)["hasPassword"] is False
    assert alice.post(f"v4/room/{token}/public")["hasPassword"] is False


@pytest.mark.parametrize(
    "invited",
    [
        {"users": ["nobody-of-that-name"]},
        {"unheard-of": ["x"]},
        {"groups": ["no-such-group"], "emails": ["no address"], "teams": ["any"]},
        {"users": [], "phones": ["+49123"]},
    ],
)
@pytest.mark.parametrize("kind", [GROUP, PUBLIC])
def test_a_room_is_not_created_when_nobody_on_the_lists_can_be_invited(
    alice: Person, kind: int, invited: dict[str, list[str]]
) -> None:
    before = set(alice.rooms())
    params = {"roomType": kind, "roomName": "Room", "participants": invited}
    assert alice.refused("POST", "v4/room", **params) == (404, "invite")
    assert set(alice.rooms()) == before


def test_empty_lists_invite_nobody(alice: Person) -> None:
    answer = alice.request("POST", "v4/room", roomType=GROUP, roomName="Room", participants={"users": []})
    assert answer.status_code == 201


def test_the_group_that_a_room_is_for_counts_as_invited(server: Server, alice: Person, bob: Person) -> None:
    group = server.add_group(bob)
    answer = alice.request("POST", "v4/room", roomType=GROUP, invite=group, participants={"users": ["nobody"]})
    assert answer.status_code == 202
    assert answer.json()["ocs"]["data"]["invalidParticipants"] == {"users": ["nobody"]}


def test_only_allowed_groups_may_create_rooms(server: Server, alice: Person, bob: Person) -> None:
    group = server.add_group(bob)
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/start_conversations"
    server.admin.post(path, json={"value": f'["{group}"]'}).raise_for_status()
    try:
        assert alice.refused("POST", "v4/room", roomType=GROUP, roomName="Room") == (403, "permissions")
        assert bob.status("POST", "v4/room", roomType=GROUP, roomName="Room") == 201
        assert alice.refused("POST", "v4/room", roomType=PUBLIC, roomName="Room") == (403, "permissions")
    finally:
        server.admin.delete(path).raise_for_status()
    assert alice.status("POST", "v4/room", roomType=GROUP, roomName="Room") == 201


def test_users_of_other_groups_may_create_one_to_ones(server: Server, alice: Person, bob: Person) -> None:
    group = server.add_group(bob)
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/start_conversations"
    server.admin.post(path, json={"value": f'["{group}"]'}).raise_for_status()
    try:
        assert alice.status("POST", "v4/room", roomType=ONE_TO_ONE, invite=bob.id) == 201
    finally:
        server.admin.delete(path).raise_for_status()


def test_attributes_of_a_one_to_one_are_ignored(alice: Person, bob: Person) -> None:
    params = {"roomType": ONE_TO_ONE, "invite": bob.id, "readOnly": 9, "password": "x", "description": "d" * 3000}
    assert alice.status("POST", "v4/room", **params) == 201
    room = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)
    assert (room["readOnly"], room["hasPassword"], room["description"]) == (0, False, "")
