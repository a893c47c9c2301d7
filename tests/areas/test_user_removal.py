"""The command `talk:user:remove` on the database of a running server."""

import pytest
from click.testing import CliRunner

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.cli.root import app

FORMER = 5


def remove(server: Server, *options: str) -> None:
    """Run the command."""
    where = ["--database", server.config.database.url] if server.config.database.url else ["--data", server.config.data]
    result = CliRunner().invoke(app, ["occ", "talk:user:remove", *options, *where])
    assert (result.exit_code, result.output) == (0, "Users successfully removed from all rooms.\n"), result.output


@pytest.fixture
def rooms(alice: Person, bob: Person) -> dict[str, str]:
    """Create a room of alice of each kind, with bob in all of them. Return the tokens by kind."""
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    bob.post("v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    members = {"users": [bob.id]}
    return {
        "one-to-one": pair,
        "private": alice.create_room(GROUP, participants=members),
        "public": alice.create_room(PUBLIC, participants=members),
        "listed": alice.create_room(GROUP, listable=1, participants=members),
    }


def test_a_user_is_removed_from_all_rooms(server: Server, alice: Person, bob: Person, rooms: dict[str, str]) -> None:
    alone, note = bob.create_room(), bob.get("v4/room/note-to-self")["token"]
    remove(server, "--user", bob.id)
    assert bob.rooms() == {}
    assert bob.room(note)["type"] == 6
    seen = alice.rooms()
    assert set(seen) == set(rooms.values())
    former = seen.pop(rooms["one-to-one"])
    assert (former["type"], former["name"], former["displayName"], former["readOnly"]) == (FORMER, "Bob", "Bob", 1)
    assert set(alice.participants(former["token"])) == {alice.id}
    assert alice.history(former["token"])[0]["message"] == "An administrator locked the conversation"
    for token, room in seen.items():
        assert room["readOnly"] == 0
        assert alice.history(token)[0]["message"] == "An administrator removed {user}"
    assert server.visitor().status("GET", f"v4/room/{alone}") == 404


def test_a_one_to_one_room_that_the_user_has_left_becomes_a_former_one(
    server: Server, alice: Person, bob: Person, rooms: dict[str, str]
) -> None:
    bob.delete(f"v4/room/{rooms['one-to-one']}/participants/self")
    remove(server, "--user", bob.id)
    assert alice.room(rooms["one-to-one"])["type"] == FORMER
    answer = bob.request("POST", "v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    assert answer.status_code == 201
    assert answer.json()["ocs"]["data"]["token"] != rooms["one-to-one"]


def test_private_only_keeps_one_to_ones_and_rooms_that_others_can_join(
    server: Server, alice: Person, bob: Person, rooms: dict[str, str]
) -> None:
    remove(server, "--user", bob.id, "--private-only")
    assert set(bob.rooms()) == set(rooms.values()) - {rooms["private"]}
    assert {room["type"] for room in alice.rooms().values()} == {ONE_TO_ONE, GROUP, PUBLIC}
    assert {room["readOnly"] for room in alice.rooms().values()} == {0}


def test_a_disabled_account_is_removed(server: Server, alice: Person, bob: Person, rooms: dict[str, str]) -> None:
    server.admin.put(f"/ocs/v2.php/cloud/users/{bob.id}/disable").raise_for_status()
    remove(server, "--user", bob.id)
    assert set(alice.participants(rooms["private"])) == {alice.id}
    assert alice.room(rooms["one-to-one"])["displayName"] == "Bob"
