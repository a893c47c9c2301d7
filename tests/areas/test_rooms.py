"""Create, find, change and delete rooms."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from support.people import GROUP, NOTE_TO_SELF, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.areas.overviews.view import RoomView
from talkd.core import clock

FIELDS = {field.encode_name for field in msgspec.structs.fields(RoomView)}


# --- creating -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [GROUP, PUBLIC])
def test_a_new_room_belongs_to_its_creator(server: Server, kind: int) -> None:
    alice = server.add_user("alice")
    answer = alice.request("POST", "v4/room", roomType=kind, roomName="  Plans ", description=" What for ")
    assert answer.status_code == 201
    room = answer.json()["ocs"]["data"]
    assert re.fullmatch(r"[a-z0-9]{8,}", room["token"])
    assert (room["type"], room["name"], room["displayName"], room["description"]) == (
        kind,
        "Plans",
        "Plans",
        "What for",
    )
    assert (room["participantType"], room["actorType"], room["actorId"]) == (1, "users", alice.id)
    assert room["permissions"] == 254
    assert room["canDeleteConversation"]
    assert room["hasPassword"] is False
    assert alice.system_messages(room["token"]) == ["conversation_created"]


def test_a_room_without_a_name_is_called_three_dashes(server: Server) -> None:
    assert server.add_user().post("v4/room", roomType=GROUP)["name"] == "---"


def test_a_one_to_one_is_created_once_for_both_users(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    first = alice.request("POST", "v4/room", roomType=ONE_TO_ONE, invite=bob.id)
    again = alice.request("POST", "v4/room", roomType=ONE_TO_ONE, invite=bob.id)
    from_bob = bob.request("POST", "v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    assert [answer.status_code for answer in (first, again, from_bob)] == [201, 200, 200]
    tokens = {answer.json()["ocs"]["data"]["token"] for answer in (first, again, from_bob)}
    assert len(tokens) == 1
    token = tokens.pop()
    assert (alice.room(token)["name"], alice.room(token)["displayName"]) == (bob.id, "Bob")
    assert (bob.room(token)["name"], bob.room(token)["displayName"]) == (alice.id, "Alice")
    alice.say(token, "Hello")
    assert bob.rooms()[token]["unreadMessages"] == 1


def test_a_one_to_one_created_by_both_at_once_is_one_room(server: Server, threads: ThreadPoolExecutor) -> None:
    for _ in range(5):
        alice, bob = server.add_user("alice"), server.add_user("bob")
        ways = [(alice, bob), (bob, alice)] * 4
        made = [threads.submit(me.post, "v4/room", roomType=ONE_TO_ONE, invite=other.id) for me, other in ways]
        assert len({each.result()["token"] for each in made}) == 1
        assert len(alice.rooms()) == len(bob.rooms()) == 1


def test_a_note_to_self_is_created_once(server: Server, threads: ThreadPoolExecutor) -> None:
    alice = server.add_user("alice")
    made = [threads.submit(alice.get, "v4/room/note-to-self") for _ in range(6)]
    rooms = [each.result() for each in made]
    assert len({room["token"] for room in rooms}) == 1
    assert (rooms[0]["type"], rooms[0]["isFavorite"], rooms[0]["objectType"]) == (NOTE_TO_SELF, True, "note_to_self")
    alice.say(rooms[0]["token"], "Milk")
    assert alice.texts(rooms[0]["token"]) == ["Milk"]


def test_a_room_for_a_group_has_its_members_and_name(server: Server) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    group = server.add_group(bob, carol)
    token = alice.create_room(GROUP, "", invite=group, source="groups")
    assert alice.room(token)["name"] == group
    assert set(alice.participants(token)) == {alice.id, bob.id, carol.id, group}
    assert token in bob.rooms()


def test_the_answer_lists_people_who_cannot_be_invited(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    answer = alice.request(
        "POST", "v4/room", roomType=GROUP, roomName="R", participants={"users": [bob.id, "nobody"], "groups": ["none"]}
    )
    assert answer.status_code == 202
    room = answer.json()["ocs"]["data"]
    assert room["invalidParticipants"] == {"users": ["nobody"], "groups": ["none"]}
    assert set(alice.participants(room["token"])) == {alice.id, bob.id}


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"roomType": 4}, (400, "type")),
        ({"roomType": 99}, (400, "type")),
        ({"roomType": ONE_TO_ONE, "invite": "nobody"}, (404, "invite")),
        ({"roomType": GROUP, "roomName": "R", "invite": "no group"}, (404, "invite")),
        ({"roomType": GROUP, "roomName": "x" * 256}, (400, "name")),
        ({"roomType": GROUP, "roomName": "R", "description": "x" * 2001}, (400, "description")),
        ({"roomType": GROUP, "roomName": "R", "objectType": "nonsense", "objectId": "1"}, (400, "object-type")),
    ],
)
def test_an_invalid_room_is_refused(server: Server, wanted: dict[str, Any], refusal: tuple[int, str]) -> None:
    assert server.add_user().refused("POST", "v4/room", **wanted) == refusal


def test_a_one_to_one_with_oneself_is_refused(server: Server) -> None:
    alice = server.add_user("alice")
    assert alice.refused("POST", "v4/room", roomType=ONE_TO_ONE, invite=alice.id) == (403, "invite")


def test_room_names_may_use_any_script(server: Server) -> None:
    alice = server.add_user("alice")
    name = "Größe 漢字 👩‍👩‍👧 " + "ü" * 200
    token = alice.create_room(GROUP, name)
    assert alice.room(token)["name"] == name


# --- finding --------------------------------------------------------------------------------
def test_the_room_list_has_every_field_and_its_headers(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    answer = alice.request("GET", "v4/room")
    before = int(answer.headers["X-Nextcloud-Talk-Modified-Before"])
    assert abs(before - clock.now()) <= 2
    assert re.fullmatch(r"[0-9a-f]{40}", answer.headers["X-Nextcloud-Talk-Hash"])
    rooms = {room["token"]: room for room in answer.json()["ocs"]["data"]}
    required = {field.encode_name for field in msgspec.structs.fields(RoomView) if field.required}
    assert required <= set(rooms[token]) <= FIELDS
    assert rooms[token]["lastMessage"]["systemMessage"] == "conversation_created"


def test_modified_since_leaves_out_unchanged_rooms(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    start = clock.now()
    old, favorite, talked = (alice.create_room() for _ in range(3))
    alice.add(talked, bob)
    monkeypatch.setattr(clock, "source", lambda: start + 100.0)
    bob.say(talked, "News")
    alice.post(f"v4/room/{favorite}/favorite")
    assert set(alice.rooms(modifiedSince=start + 50)) == {favorite, talked}
    assert set(alice.rooms()) == {old, favorite, talked}


def test_the_last_message_of_a_room_has_no_reference_id(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    alice.say(token, "Hello", referenceId="abc")
    shown = [alice.room(token), alice.join(token), alice.get(f"v1/room/{token}"), alice.rooms()[token]]
    assert [each["lastMessage"]["referenceId"] for each in shown] == [""] * 4
    assert alice.history(token)[0]["referenceId"] == "abc"


def test_the_room_list_can_leave_out_last_messages(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    assert not alice.rooms(includeLastMessage="false")[token].get("lastMessage")


def test_the_room_list_shows_the_status_of_partners_if_asked(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert "status" not in alice.rooms(includeStatus="true")[token]
    bob.join(token)
    assert alice.rooms(includeStatus="true")[token]["status"] == "online"
    assert "status" not in alice.rooms()[token]


def test_outsiders_see_little_of_a_public_room_and_nothing_of_a_group_room(server: Server) -> None:
    alice, stranger, visitor = server.add_user("alice"), server.add_user("stranger"), server.visitor()
    group, public = alice.create_room(GROUP), alice.create_room(PUBLIC, "Open", description="secret plan")
    alice.say(public, "not for the street")
    for person in (stranger, visitor):
        hidden = person.request("GET", f"v4/room/{group}")
        absent = person.request("GET", "v4/room/abcdefgh")
        assert (hidden.status_code, hidden.content) == (404, absent.content)
        outside = person.request("GET", f"v4/room/{public}")
        assert outside.status_code == 200
        assert "not for the street" not in outside.text
        assert "secret plan" not in outside.text
        assert alice.id not in outside.text


# --- settings -------------------------------------------------------------------------------
def test_name_and_description_change_for_everybody(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(GROUP, "Before")
    alice.add(token, bob)
    assert alice.put(f"v4/room/{token}", roomName=" After ")["name"] == "After"
    assert alice.put(f"v4/room/{token}/description", description="Why")["description"] == "Why"
    assert (bob.room(token)["name"], bob.room(token)["description"]) == ("After", "Why")
    alice.put(f"v4/room/{token}", roomName="After")
    alice.put(f"v4/room/{token}/description", description="")
    assert bob.system_messages(token)[-3:] == ["conversation_renamed", "description_set", "description_removed"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 256])
def test_an_empty_or_long_name_is_refused(server: Server, name: str) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    assert alice.refused("PUT", f"v4/room/{token}", roomName=name) == (400, "value")


def test_a_room_becomes_public_and_a_group_room_again(server: Server) -> None:
    alice, visitor, follower = server.add_user("alice"), server.visitor(), server.add_user("follower")
    token = alice.create_room()
    assert visitor.status("POST", f"v4/room/{token}/participants/active") == 404
    assert alice.post(f"v4/room/{token}/public", password="let me in")["type"] == PUBLIC
    assert alice.room(token)["hasPassword"]
    visitor.join(token, password="let me in")
    follower.join(token, password="let me in")
    assert len(alice.participants(token)) == 3
    room = alice.delete(f"v4/room/{token}/public")
    assert (room["type"], room["hasPassword"]) == (GROUP, False)
    assert set(alice.participants(token)) == {alice.id}
    assert visitor.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
    assert follower.status("GET", f"v4/room/{token}") == 404
    assert {"guests_allowed", "guests_disallowed"} <= set(alice.system_messages(token))


def test_outsiders_need_the_password_of_a_room(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    alice.put(f"v4/room/{token}/password", password="let me in")
    for wrong in ({}, {"password": "wrong"}, {"password": ""}):
        visitor, follower = server.visitor(), server.add_user()
        assert visitor.refused("POST", f"v4/room/{token}/participants/active", **wrong) == (403, "password")
        assert follower.refused("POST", f"v4/room/{token}/participants/active", **wrong) == (403, "password")
    server.visitor().join(token, password="let me in")
    alice.put(f"v4/room/{token}/password", password="")
    server.visitor().join(token)
    group = alice.create_room(GROUP)
    assert alice.refused("PUT", f"v4/room/{group}/password", password="x")[0] == 400


def test_nobody_writes_or_calls_in_a_locked_room(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    assert alice.put(f"v4/room/{token}/read-only", state=1)["readOnly"] == 1
    for person in (alice, bob):
        assert person.status("POST", f"v1/chat/{token}", message="Hello") == 403
        person.join(token)
        assert person.status("POST", f"v4/call/{token}") == 403
    assert bob.texts(token) == []
    assert alice.put(f"v4/room/{token}/read-only", state=0)["readOnly"] == 0
    bob.say(token, "Hello")
    assert alice.refused("PUT", f"v4/room/{token}/read-only", state=2)[0] == 400


def test_favorites_and_notification_levels_are_personal(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    assert bob.post(f"v4/room/{token}/favorite")["isFavorite"] is True
    assert bob.post(f"v4/room/{token}/notify", level=3)["notificationLevel"] == 3
    assert bob.post(f"v4/room/{token}/notify-calls", level=0)["notificationCalls"] == 0
    assert alice.room(token)["isFavorite"] is False
    assert alice.room(token)["notificationLevel"] != 3
    assert bob.delete(f"v4/room/{token}/favorite")["isFavorite"] is False
    assert bob.refused("POST", f"v4/room/{token}/notify", level=7) == (400, "level")
    assert bob.refused("POST", f"v4/room/{token}/notify-calls", level=2) == (400, "level")


def test_members_cannot_change_a_room(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    for method, path, params in (
        ("PUT", "", {"roomName": "x"}),
        ("PUT", "/description", {"description": "x"}),
        ("DELETE", "", {}),
        ("DELETE", "/public", {}),
        ("PUT", "/password", {"password": "x"}),
        ("PUT", "/read-only", {"state": 1}),
        ("POST", "/participants", {"newParticipant": alice.id}),
    ):
        assert bob.status(method, f"v4/room/{token}{path}", **params) == 403, (method, path)


# --- deleting -------------------------------------------------------------------------------
def test_nobody_finds_a_deleted_room(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.delete(f"v4/room/{token}")
    for person in (alice, bob):
        assert person.status("GET", f"v4/room/{token}") == 404
        assert person.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
        assert token not in person.rooms()


def test_settings_of_a_one_to_one_cannot_be_changed(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    path = f"v4/room/{token}"
    assert alice.refused("PUT", path, roomName="x")[0] == 400
    assert alice.refused("POST", f"{path}/public")[0] == 400
    assert alice.refused("PUT", f"{path}/read-only", state=1)[0] == 400
    assert alice.refused("POST", f"{path}/participants", newParticipant=server.add_user().id)[0] == 400


def test_all_members_get_the_same_fields(server: Server) -> None:
    alice = server.add_user("alice")
    people: list[Person] = [server.add_user() for _ in range(5)]
    token = alice.create_room(participants={"users": [person.id for person in people]})
    seen = [set(person.room(token)) for person in people]
    assert all(fields == seen[0] for fields in seen)
