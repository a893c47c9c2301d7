"""Breakout rooms, through HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from support.people import GROUP, PUBLIC, Person
from talkd.cli.root import app

AUTOMATIC, MANUAL, FREE = 1, 2, 3


@dataclass
class Team:
    """A group room with three members."""

    token: str
    alice: Person
    bob: Person
    carol: Person

    def create(self, mode: int, amount: int = 2, **assignment: int) -> list[str]:
        """Create breakout rooms, and return their tokens."""
        return self.tokens(
            self.alice.post(
                f"v1/breakout-rooms/{self.token}", mode=mode, amount=amount, attendeeMap=self.map(**assignment)
            )
        )

    def map(self, **assignment: int) -> str:
        """Return an assignment as JSON; `assignment` has the number of the room by field name of the person."""
        return json.dumps(
            {self.alice.attendee(self.token, getattr(self, name)): room for name, room in assignment.items()}
        )

    def tokens(self, rooms: list[dict[str, Any]]) -> list[str]:
        """Return the tokens of the breakout rooms in an answer."""
        return [room["token"] for room in rooms if room["objectType"] == "room"]

    def start(self) -> None:
        """Start the breakout rooms."""
        self.alice.post(f"v1/breakout-rooms/{self.token}/rooms")

    def stop(self) -> None:
        """Stop the breakout rooms."""
        self.alice.delete(f"v1/breakout-rooms/{self.token}/rooms")


@pytest.fixture
def team(server: Any) -> Team:
    """A room in which Alice is a moderator, and Bob and Carol are members."""
    alice, bob, carol = server.add_user("alice"), server.add_user("bob"), server.add_user("carol")
    token = alice.create_room(name="Team")
    alice.add(token, bob)
    alice.add(token, carol)
    return Team(token, alice, bob, carol)


def test_the_automatic_mode_assigns_evenly(team: Team) -> None:
    parts = team.create(AUTOMATIC)
    people = [set(team.alice.participants(part)) for part in parts]
    assert all(team.alice.id in part and len(part) == 2 for part in people)
    assert people[0] | people[1] == {team.alice.id, team.bob.id, team.carol.id}
    assert [team.alice.room(part)["name"] for part in parts] == ["Room 1", "Room 2"]
    assert team.alice.room(team.token)["breakoutRoomMode"] == AUTOMATIC


def test_the_manual_assignment_can_be_changed(team: Team) -> None:
    one, two = team.create(MANUAL, bob=0, carol=1)
    assert set(team.alice.participants(one)) == {team.alice.id, team.bob.id}
    team.alice.post(f"v1/breakout-rooms/{team.token}/attendees", attendeeMap=team.map(bob=1))
    assert set(team.alice.participants(one)) == {team.alice.id}
    assert set(team.alice.participants(two)) == {team.alice.id, team.bob.id}
    assert team.carol.status("GET", f"v4/room/{two}") == 404


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"mode": 4, "amount": 1}, "mode"),
        ({"mode": 0, "amount": 1}, "mode"),
        ({"mode": 1, "amount": 0}, "amount"),
        ({"mode": 1, "amount": 21}, "amount"),
        ({"mode": 2, "amount": 1, "attendeeMap": '{"1":1}'}, "attendeeMap"),
        ({"mode": 2, "amount": 1, "attendeeMap": "no"}, "attendeeMap"),
        ({"mode": 2, "amount": 1, "attendeeMap": '{"1":-1}'}, "attendeeMap"),
    ],
)
def test_invalid_breakout_rooms_are_refused(team: Team, params: dict[str, Any], error: str) -> None:
    assert team.alice.refused("POST", f"v1/breakout-rooms/{team.token}", **params) == (400, error)


def test_only_group_rooms_can_have_breakout_rooms(team: Team) -> None:
    public = team.alice.create_room(PUBLIC)
    (part,) = team.create(FREE, 1)
    for token in (public, part, team.token):
        answer = team.alice.refused("POST", f"v1/breakout-rooms/{token}", mode=1, amount=1)
        assert answer == (400, "room")


def test_the_lobby_is_turned_on_and_off(team: Team) -> None:
    one, _ = team.create(MANUAL, bob=0, carol=1)
    assert team.bob.room(one)["lobbyState"] == 1
    assert team.bob.refused("GET", f"v4/room/{team.token}/breakout-rooms") == (400, "status")
    team.start()
    assert team.bob.room(one)["lobbyState"] == 0
    assert team.tokens(team.bob.get(f"v4/room/{team.token}/breakout-rooms")) == [one]
    assert team.alice.room(team.token)["breakoutRoomStatus"] == 1
    team.stop()
    assert team.bob.status("GET", f"v1/chat/{one}", lookIntoFuture=0) == 412
    assert team.alice.system_messages(one)[-2:] == ["breakout_rooms_started", "breakout_rooms_stopped"]


def test_stopping_removes_members_from_calls(team: Team) -> None:
    one, _ = team.create(MANUAL, bob=0)
    team.start()
    team.bob.join(one)
    team.bob.post(f"v4/call/{one}", flags=1)
    team.stop()
    assert not team.alice.room(one)["hasCall"]


def test_a_broadcast_reaches_every_room(team: Team) -> None:
    parts = team.create(AUTOMATIC)
    answer = team.alice.request("POST", f"v1/breakout-rooms/{team.token}/broadcast", message="Five minutes")
    assert answer.status_code == 201
    assert [team.alice.texts(part) for part in parts] == [["Five minutes"], ["Five minutes"]]
    path = f"v1/breakout-rooms/{team.token}/broadcast"
    assert team.alice.refused("POST", path, message=" ") == (400, "message")
    assert team.alice.refused("POST", path, message="x" * 32_001) == (413, "message")
    assert team.bob.status("POST", path, message="x") == 403


def test_members_choose_and_switch_in_the_free_mode(team: Team) -> None:
    one, two = team.create(FREE)
    path = f"v1/breakout-rooms/{team.token}/switch"
    assert team.bob.refused("POST", path, target=one) == (400, "status")
    team.start()
    assert team.bob.post(path, target=one)["token"] == one
    assert team.bob.post(path, target=two)["token"] == two
    assert team.bob.post(path, target=two)["token"] == two
    assert team.bob.status("GET", f"v4/room/{one}") == 404
    assert team.alice.system_messages(two).count("user_added") == 1
    assert team.bob.refused("POST", path, target="nosuchroom") == (400, "target")
    assert team.alice.refused("POST", path, target=one) == (400, "moderator")


def test_switching_requires_the_free_mode(team: Team) -> None:
    one, _ = team.create(MANUAL)
    team.start()
    assert team.bob.refused("POST", f"v1/breakout-rooms/{team.token}/switch", target=one) == (400, "mode")


def test_asking_for_assistance(team: Team) -> None:
    one, _ = team.create(MANUAL, bob=0)
    path = f"v1/breakout-rooms/{one}/request-assistance"
    assert team.bob.refused("POST", path) == (400, "room")
    team.start()
    assert team.bob.post(path)["breakoutRoomStatus"] == 2
    assert team.alice.room(one)["breakoutRoomStatus"] == 2
    assert team.bob.delete(path)["breakoutRoomStatus"] == 0
    team.bob.post(path)
    team.stop()
    assert team.alice.room(one)["breakoutRoomStatus"] == 0
    assert team.bob.refused("POST", f"v1/breakout-rooms/{team.token}/request-assistance") == (400, "room")


def test_participants_of_the_parent_room_and_the_breakout_rooms(team: Team) -> None:
    one, two = team.create(MANUAL, bob=0, carol=1)
    everybody = team.alice.get(f"v4/room/{team.token}/breakout-rooms/participants")
    rooms = [each["roomToken"] for each in everybody]
    assert (rooms.count(team.token), rooms.count(one), rooms.count(two)) == (3, 2, 2)
    team.start()
    seen = {each["roomToken"] for each in team.bob.get(f"v4/room/{team.token}/breakout-rooms/participants")}
    assert seen == {team.token, one}


def test_moderators_are_in_every_room(team: Team) -> None:
    one, two = team.create(MANUAL, bob=0)
    team.alice.post(f"v4/room/{team.token}/moderators", attendeeId=team.alice.attendee(team.token, team.bob))
    assert [team.bob.room(part)["participantType"] for part in (one, two)] == [2, 2]
    team.alice.delete(f"v4/room/{team.token}/moderators", attendeeId=team.alice.attendee(team.token, team.bob))
    assert [team.bob.status("GET", f"v4/room/{part}") for part in (one, two)] == [404, 404]


def test_leaving_the_parent_room_leaves_its_breakout_rooms(team: Team) -> None:
    one, _ = team.create(MANUAL, bob=0)
    team.alice.delete(f"v4/room/{team.token}/attendees", attendeeId=team.alice.attendee(team.token, team.bob))
    assert team.bob.status("GET", f"v4/room/{one}") == 404


def test_permissions_are_copied_to_breakout_rooms(team: Team) -> None:
    one, _ = team.create(MANUAL, bob=0)
    team.start()
    bob = team.alice.attendee(team.token, team.bob)
    team.alice.put(f"v4/room/{team.token}/attendees/permissions", attendeeId=bob, method="set", permissions=4)
    assert team.bob.status("POST", f"v1/chat/{one}", message="x") == 403
    team.alice.put(f"v4/room/{team.token}/permissions/default", permissions=4)
    assert team.alice.room(one)["defaultPermissions"] == team.alice.room(team.token)["defaultPermissions"] != 0


def test_adding_to_a_breakout_room_removes_from_the_others(team: Team, server: Any) -> None:
    one, two = team.create(MANUAL, bob=0)
    team.alice.add(two, team.bob)
    assert team.bob.status("GET", f"v4/room/{one}") == 404
    assert team.bob.room(two)["participantType"] == 3
    path = f"v4/room/{two}/participants"
    assert team.alice.refused("POST", path, newParticipant="nobody-of-that-name") == (404, "new-participant")
    assert team.alice.refused("POST", path, newParticipant="a@example.org", source="emails") == (400, "source")
    assert team.alice.refused("POST", path, newParticipant=server.add_group(), source="groups") == (400, "source")


def add_over_api(server: Any, team: Team, part: str, user: Person) -> None:
    team.alice.add(part, user)


def add_by_command(server: Any, team: Team, part: str, user: Person) -> None:
    where = ["--database", server.config.database.url] if server.config.database.url else ["--data", server.config.data]
    result = CliRunner().invoke(app, ["occ", "talk:room:add", part, "--user", user.id, *where])
    assert result.exit_code == 0, result.output
    group = server.add_group(user)
    result = CliRunner().invoke(app, ["occ", "talk:room:add", part, "--group", group, *where])
    assert result.exit_code == 1, result.output


@pytest.mark.parametrize("add", [add_over_api, add_by_command])
def test_adding_to_a_breakout_room_adds_to_the_parent_room(
    team: Team, server: Any, add: Callable[[Any, Team, str, Person], None]
) -> None:
    one, two = team.create(AUTOMATIC)
    dave = server.add_user("dave")
    add(server, team, two, dave)
    assert set(dave.rooms()) == {team.token, two}
    assert team.alice.participants(team.token)[dave.id]["participantType"] == 3
    assert team.alice.participants(two)[dave.id]["participantType"] == 3
    assert dave.id not in team.alice.participants(one)
    for token in (team.token, two):
        assert team.alice.system_messages(token).count("user_added") >= 1


def test_users_banned_from_the_parent_room_cannot_be_added_to_breakout_rooms(team: Team) -> None:
    one, _ = team.create(MANUAL)
    team.alice.post(f"v1/ban/{team.token}", actorType="users", actorId=team.bob.id)
    path = f"v4/room/{one}/participants"
    assert team.alice.refused("POST", path, newParticipant=team.bob.id) == (400, "ban")
    assert team.bob.id not in team.alice.participants(one)


def test_users_added_to_a_breakout_room_have_the_permissions_of_the_parent_room(team: Team) -> None:
    one, _ = team.create(MANUAL)
    bob = team.alice.attendee(team.token, team.bob)
    team.alice.put(f"v4/room/{team.token}/attendees/permissions", attendeeId=bob, method="set", permissions=4)
    team.alice.add(one, team.bob)
    assert team.alice.participants(one)[team.bob.id]["attendeePermissions"] == 5


def test_moderators_cannot_be_assigned(team: Team) -> None:
    team.alice.post(f"v4/room/{team.token}/moderators", attendeeId=team.alice.attendee(team.token, team.bob))
    path = f"v1/breakout-rooms/{team.token}"
    for name in ("alice", "bob"):
        assignment = team.map(carol=1, **{name: 0})
        refused = team.alice.refused("POST", path, mode=MANUAL, amount=2, attendeeMap=assignment)
        assert refused == (400, "moderator")
    one, two = team.create(MANUAL, carol=0)
    for who in (team.alice, team.bob):
        path = f"v4/room/{two}/participants"
        assert team.alice.refused("POST", path, newParticipant=who.id) == (400, "moderator")
    assignment = team.map(bob=0, carol=1)
    path = f"v1/breakout-rooms/{team.token}/attendees"
    assert team.alice.refused("POST", path, attendeeMap=assignment) == (400, "moderator")
    assert team.carol.id in team.alice.participants(one)


def test_recording_consent_is_copied_to_breakout_rooms(team: Team, server: Any) -> None:
    config = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/recording_consent"
    path = f"v4/room/{team.token}/recording-consent"
    server.admin.post(config, json={"value": "2"}).raise_for_status()
    try:
        one, two = team.create(MANUAL, bob=0)
        assert team.alice.refused("PUT", f"v4/room/{one}/recording-consent", recordingConsent=1) == (
            400,
            "breakout-room",
        )
        team.start()
        assert team.alice.refused("PUT", path, recordingConsent=1) == (400, "breakout-room")
        team.stop()
        for value in (1, 0, 1):
            assert team.alice.put(path, recordingConsent=value)["recordingConsent"] == value
            assert [team.alice.room(part)["recordingConsent"] for part in (one, two)] == [value, value]
        team.alice.delete(f"v1/breakout-rooms/{team.token}")
        (again,) = team.create(MANUAL, 1)
        assert team.alice.room(again)["recordingConsent"] == 1
    finally:
        server.admin.delete(config).raise_for_status()


def test_breakout_rooms_are_never_public(team: Team) -> None:
    (part,) = team.create(FREE, 1)
    assert team.alice.refused("POST", f"v4/room/{part}/public") == (400, "breakout-room")


def test_a_parent_room_stays_a_group_room(team: Team) -> None:
    team.create(FREE, 1)
    assert team.alice.refused("POST", f"v4/room/{team.token}/public") == (400, "breakout-room")
    invited = {"newParticipant": "vera@example.org", "source": "emails"}
    assert team.alice.post(f"v4/room/{team.token}/participants", **invited) == []
    assert team.alice.room(team.token)["type"] == GROUP
    team.alice.delete(f"v1/breakout-rooms/{team.token}")
    assert team.alice.post(f"v4/room/{team.token}/public")["type"] == PUBLIC


@pytest.mark.parametrize("path", ["v1/breakout-rooms/{}", "v4/room/{}"])
def test_deleting_the_parent_room_deletes_breakout_rooms(team: Team, path: str) -> None:
    parts = team.create(AUTOMATIC)
    team.alice.delete(path.format(team.token))
    assert [team.alice.status("GET", f"v4/room/{part}") for part in parts] == [404, 404]


def test_a_setting_disables_breakout_rooms(server: Any, team: Team) -> None:
    config = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/breakout_rooms"
    server.admin.post(config, json={"value": "no"})
    try:
        assert team.alice.refused("POST", f"v1/breakout-rooms/{team.token}", mode=1, amount=1) == (400, "config")
    finally:
        server.admin.delete(config)


def test_deleting_an_account_removes_it_from_parent_and_breakout_rooms(server: Any, team: Team) -> None:
    team.create(MANUAL, bob=0)
    team.alice.delete(f"v4/room/{team.token}/attendees", attendeeId=team.alice.attendee(team.token, team.carol))
    assert server.admin.delete(f"/ocs/v2.php/cloud/users/{team.bob.id}").status_code == 200
    assert server.admin.delete(f"/ocs/v2.php/cloud/users/{team.alice.id}").status_code == 200
