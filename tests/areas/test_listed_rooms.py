"""Find listed rooms and join them."""

from typing import Any

import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server, unique


def found(person: Person, term: str = "") -> dict[str, dict[str, Any]]:
    return {room["token"]: room for room in person.get("v4/listed-room", searchTerm=term)}


def test_a_listed_room_is_found_by_a_part_of_its_name(alice: Person, bob: Person) -> None:
    name = unique("Höhle")
    token = alice.create_room(GROUP, f"Die {name}")
    assert token not in found(bob, name)
    assert alice.put(f"v4/room/{token}/listable", scope=1)["listable"] == 1
    room = found(bob, name.upper())[token]
    assert (room["name"], room["permissions"], room["participantType"]) == (f"Die {name}", 1, 4)
    assert (room["sessionId"], room["attendeeId"], room["description"]) == ("0", 0, "")
    assert "lastMessage" not in room
    assert token in found(bob)
    assert token not in found(bob, "_")
    assert token not in found(alice, name)
    alice.put(f"v4/room/{token}/listable", scope=0)
    assert token not in found(bob, name)


def test_a_system_message_says_who_finds_the_room(alice: Person) -> None:
    token = alice.create_room()
    for scope in (1, 1, 2, 0, 0):
        alice.put(f"v4/room/{token}/listable", scope=scope)
    posted = [each for each in alice.system_messages(token) if each.startswith("listable")]
    assert posted == ["listable_users", "listable_all", "listable_none"]


def test_invalid_listable_requests_are_refused(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room()
    alice.add(token, bob)

    def refused(person: Person, token: str, scope: int = 1) -> tuple[int, Any]:
        return person.refused("PUT", f"v4/room/{token}/listable", scope=scope)

    assert refused(bob, token) == (403, [])
    assert refused(server.add_user("stranger"), token) == (404, [])
    assert refused(server.visitor(), token)[0] == 401
    assert refused(alice, token, 3) == (400, "value")
    assert refused(alice, token, -1) == (400, "value")
    assert refused(alice, alice.create_room(ONE_TO_ONE, invite=bob.id)) == (400, "type")
    assert server.visitor().status("GET", "v4/listed-room") == 401


def test_users_see_a_listed_room_and_join_it_as_members(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(listable=1)
    assert bob.room(token)["name"] == "Room"
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
    assert server.visitor().status("GET", f"v4/room/{token}") == 404
    assert server.visitor().status("POST", f"v4/room/{token}/participants/active") == 404
    assert bob.join(token)["participantType"] == 3
    assert alice.history(token)[0]["message"] == "{actor} joined the conversation"
    assert bob.history(token)[0]["message"] == "You joined the conversation"
    bob.delete(f"v4/room/{token}/participants/active")
    assert token in bob.rooms()
    assert token not in found(bob)


@pytest.mark.parametrize("given", [{}, {"password": ""}, {"password": "wrong"}])
def test_users_join_a_listed_room_without_its_password(
    server: Server, alice: Person, bob: Person, given: dict[str, str]
) -> None:
    token = alice.create_room(PUBLIC, "Lake", listable=1, password="a secret of ours")
    room = found(bob)[token]
    assert (room["name"], room["hasPassword"]) == (bob.room(token)["name"], True) == ("Lake", True)
    assert bob.join(token, **given)["participantType"] == 3
    visitor = server.visitor()
    assert visitor.room(token)["name"] == ""
    assert visitor.refused("POST", f"v4/room/{token}/participants/active", **given) == (403, "password")
    alice.put(f"v4/room/{token}/listable", scope=0)
    follower = server.add_user()
    assert follower.room(token)["name"] == ""
    assert follower.refused("POST", f"v4/room/{token}/participants/active", **given) == (403, "password")


def test_a_listed_room_shows_outsiders_its_name_description_and_call(
    server: Server, alice: Person, bob: Person
) -> None:
    token = alice.create_room(PUBLIC, "Lake", description="We swim", listable=1)
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=3)
    visitor = server.visitor()
    inside = alice.room(token)
    for room in (found(bob)[token], bob.room(token), visitor.room(token)):
        assert (room["name"], room["displayName"], room["description"]) == ("Lake", "Lake", "We swim")
        for field in ("hasCall", "callFlag", "callStartTime", "lastActivity", "lobbyState"):
            assert room[field] == inside[field], field
        assert (room["permissions"], room["attendeeId"], "lastMessage" in room) == (1, 0, False)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    for person in (bob, visitor):
        assert (person.room(token)["hasCall"], person.room(token)["callFlag"]) == (False, 0)
    alice.put(f"v4/room/{token}/listable", scope=0)
    for person in (bob, visitor):
        assert (person.room(token)["name"], person.room(token)["description"]) == ("", "")


def test_listed_rooms_are_ordered_by_name(alice: Person, bob: Person) -> None:
    mark = unique("order")
    for name in ("b", "C", "É", "a", "B", "z", "f"):
        alice.say(alice.create_room(GROUP, f"{name} {mark}", listable=1), "Hello")
    assert [name.split()[0] for name in (room["name"] for room in found(bob, mark).values())] == list("abBCÉfz")


def test_banned_users_do_not_find_a_listed_room(alice: Person, bob: Person) -> None:
    token = alice.create_room(listable=1)
    bob.join(token)
    alice.post(f"v1/ban/{token}", actorType="users", actorId=bob.id)
    assert token not in found(bob)
    assert bob.status("GET", f"v4/room/{token}") == 200
    assert (bob.room(token)["name"], bob.room(token)["description"]) == ("", "")
    assert bob.status("POST", f"v4/room/{token}/participants/active") == 403
