"""Members are added and removed in portions: others write in between, and a crash loses nobody."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from support.mail import MailServer
from support.people import PUBLIC, TALK, Person
from support.running import Server, set_interval, unique
from talkd.areas.rooms import member_service
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.areas.users import group_service
from talkd.config import Config
from talkd.conversation import access, attendee_store, room_store
from talkd.core.actor import GROUPS, USERS, Actor
from talkd.core.events import AttendeeAdded, AttendeeRemoved, GroupMemberRemoved
from talkd.storage.database import Tx

PORTION, MANY = 2, 7


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_service, "PORTION", PORTION)
    monkeypatch.setattr(group_service, "PORTION", PORTION)


@pytest.fixture(params=["sqlite", "postgres"])
def idle_server(
    request: pytest.FixtureRequest,
    databases: Any,
    new_server: Callable[[Config], Server],
    monkeypatch: pytest.MonkeyPatch,
) -> Server:
    """Return a server whose job does not finish changes of members by itself."""
    set_interval(monkeypatch, "finish_member_changes", 10_000)
    return new_server(databases.config(request.param))


def sizes_of_commits(server: Server, *kinds: type[Any]) -> list[int]:
    """Return a list to which each commit adds how many events of these kinds it has, unless it has none."""
    sizes: list[int] = []

    def note(happened: Sequence[Any]) -> None:
        found = sum(isinstance(event, kinds) for event in happened)
        if found:
            sizes.append(found)

    server.app.world.db.after_commit += (note,)
    return sizes


def crowd(server: Server, size: int = MANY) -> tuple[list[Person], str]:
    people = [server.add_user("member") for _ in range(size)]
    return people, server.add_group(*people)


def members(person: Person, token: str) -> set[str]:
    return set(person.participants(token))


def begin(server: Server, alice: Person, token: str, *newcomers: Newcomer) -> Progress:
    """Run the first portion only, as if the server was killed after it."""

    async def work(tx: Tx) -> Progress:
        room = await room_store.get_room(tx, token)
        assert room is not None
        actor = Actor(USERS, alice.id, "Alice")
        return await member_service.add(tx, room, actor, newcomers, server.app.world.talk_settings, most=1000)

    return server.write(work)


def test_a_group_is_added_and_removed_in_portions(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    people, group = crowd(idle_server)
    token = alice.create_room()
    added = sizes_of_commits(idle_server, AttendeeAdded)
    alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")
    everybody = {person.id for person in people}
    assert members(alice, token) == everybody | {alice.id, group}
    assert sum(added) == MANY + 1
    assert max(added) <= PORTION + 1, "the group itself is added with the first portion"
    reported = [each["systemMessage"] for each in people[-1].get(f"v1/chat/{token}", lookIntoFuture=0)]
    assert reported.count("user_added") == MANY

    number = alice.participants(token)[group]["attendeeId"]
    removed = sizes_of_commits(idle_server, AttendeeRemoved)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=number)
    assert members(alice, token) == {alice.id}
    assert sum(removed) == MANY + 1
    assert max(removed) <= PORTION + 1


def test_a_restart_finishes_a_change_that_a_kill_interrupted(
    databases: Any, new_server: Callable[[Config], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_interval(monkeypatch, "finish_member_changes", 10_000)
    server = new_server(databases.config("sqlite"))
    alice = server.add_user("alice")
    people, group = crowd(server)
    token = alice.create_room()
    last = server.add_user("last")
    begun = begin(server, alice, token, Newcomer("groups", group), Newcomer("users", last.id))
    assert begun.unfinished
    assert len(members(alice, token)) == 2 + PORTION, "alice, the group, and a portion"
    set_interval(monkeypatch, "finish_member_changes", 0.01)
    server.restart()
    server.run(server.app.world[MemberChanges].resume())
    assert members(Person(server.client(alice.id), alice.id), token) == {
        alice.id,
        group,
        last.id,
        *(person.id for person in people),
    }
    assert server.read(lambda tx: member_service.list_left(tx, 0)) == []


def test_a_user_who_leaves_the_group_in_between_is_not_added(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    people, group = crowd(idle_server)
    token = alice.create_room()
    begin(idle_server, alice, token, Newcomer("groups", group))
    leaver = people[-1]
    idle_server.write(lambda tx: group_service.remove_member(tx, group, leaver.id))
    idle_server.run(idle_server.app.world[MemberChanges].resume())
    assert members(alice, token) == {alice.id, group, *(person.id for person in people[:-1])}


def test_adding_stops_if_the_group_is_removed_or_the_room_is_deleted(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    _, group = crowd(idle_server)
    token, other = alice.create_room(), alice.create_room()
    for room in (token, other):
        begin(idle_server, alice, room, Newcomer("groups", group))
    number = alice.participants(token)[group]["attendeeId"]
    alice.delete(f"v4/room/{token}/attendees", attendeeId=number)
    alice.delete(f"v4/room/{other}")
    idle_server.run(idle_server.app.world[MemberChanges].resume())
    assert members(alice, token) == {alice.id}
    assert idle_server.read(lambda tx: member_service.list_left(tx, 0)) == []


@pytest.mark.parametrize("ends", ["membership", "group"])
def test_a_user_who_leaves_a_group_that_is_being_removed_is_removed_too(idle_server: Server, ends: str) -> None:
    alice = idle_server.add_user("alice")
    people, group = crowd(idle_server)
    token = alice.create_room()
    alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")

    async def remove_group(tx: Tx) -> Progress:
        """Remove the first portion only, as if the server was killed after it."""
        me = await access.access_participant(tx, token, user_id=alice.id, browser="", lock=True)
        attendee = await attendee_store.find_attendee(tx, me.room.id, GROUPS, group)
        assert attendee is not None
        return await member_service.remove_attendee(tx, me, attendee.id, idle_server.app.world.talk_settings)

    assert idle_server.write(remove_group).unfinished
    assert len(members(alice, token)) > 1
    if ends == "group":
        assert idle_server.admin.delete(f"/ocs/v2.php/cloud/groups/{group}").is_success
    else:
        idle_server.write(lambda tx: group_service.remove_member(tx, group, people[-1].id))
    idle_server.run(idle_server.app.world[MemberChanges].resume())
    assert members(alice, token) == {alice.id}


def test_adding_a_group_again_adds_missing_members(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    people, group = crowd(idle_server)
    token = alice.create_room()
    begin(idle_server, alice, token, Newcomer("groups", group))
    for _ in range(2):
        alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")
        assert members(alice, token) == {alice.id, group, *(person.id for person in people)}


def test_a_new_room_lists_everybody_who_could_not_be_added(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    people, group = crowd(idle_server)
    strangers = [unique("nobody") for _ in range(3 * PORTION)]
    wanted = {"users": [*strangers, people[0].id], "groups": [group, "no group"], "emails": ["nonsense"]}
    answer = alice.request("POST", "v4/room", roomType=PUBLIC, roomName="Room", participants=wanted)
    assert answer.status_code == 202
    made = answer.json()["ocs"]["data"]
    assert made["invalidParticipants"] == {"users": strangers, "groups": ["no group"], "emails": ["nonsense"]}
    assert members(alice, made["token"]) == {alice.id, group, *(person.id for person in people)}


def test_a_new_room_to_which_nobody_could_be_added_is_not_created(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    before = len(alice.get("v4/room"))
    strangers = {"users": [unique("nobody") for _ in range(3 * PORTION)]}
    assert alice.refused("POST", "v4/room", roomType=PUBLIC, roomName="x", participants=strangers) == (404, "invite")
    assert len(alice.get("v4/room")) == before
    assert idle_server.read(lambda tx: member_service.list_left(tx, 0)) == []


def test_the_number_of_attendees_is_limited(idle_server: Server) -> None:
    idle_server.config.sizes.attendees = 5
    alice, bob = idle_server.add_user("alice"), idle_server.add_user("bob")
    _, group = crowd(idle_server, 5)
    token = alice.create_room()
    refused = (413, "participants")
    path = f"v4/room/{token}/participants"
    assert alice.refused("POST", path, newParticipant=group, source="groups") == refused
    assert members(alice, token) == {alice.id}
    before = len(alice.get("v4/room"))
    wanted = {"groups": [group]}
    assert alice.refused("POST", "v4/room", roomType=PUBLIC, roomName="x", participants=wanted) == refused
    assert alice.refused("POST", "v4/room", roomType=PUBLIC, invite=group) == refused
    assert alice.refused("POST", "v1/room", roomType=PUBLIC, invite=group)[0] == 413
    assert len(alice.get("v4/room")) == before
    alice.post(path, newParticipant=bob.id)
    assert members(alice, token) == {alice.id, bob.id}


def test_the_limit_counts_people_who_are_still_being_added(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    (_, first), (_, second) = crowd(idle_server), crowd(idle_server)
    token = alice.create_room()
    idle_server.config.sizes.attendees = 2 * MANY
    begin(idle_server, alice, token, Newcomer("groups", first))
    asked = {"newParticipant": second, "source": "groups"}
    assert alice.refused("POST", f"v4/room/{token}/participants", **asked) == (413, "participants")
    idle_server.config.sizes.attendees = 2 * MANY + 2
    alice.post(f"v4/room/{token}/participants", **asked)
    idle_server.run(idle_server.app.world[MemberChanges].resume())
    assert len(members(alice, token)) == 2 * MANY + 3, "alice, two groups and their members"


def test_an_import_beyond_the_daily_limit_of_mails_invites_nobody(mailing_server: Server, mails: MailServer) -> None:
    config = mailing_server.config
    config.security.throttle, config.mail.by_sender = True, 2 * PORTION
    alice = mailing_server.add_user("alice")
    token = alice.create_room()
    addresses = [f"{unique('guest')}@example.org" for _ in range(2 * PORTION + 1)]

    def imported(wanted: list[str]) -> int:
        files = {"file": ("list.csv", "\n".join(["email", *wanted]))}
        return alice.http.post(f"{TALK}v4/room/{token}/import-emails", files=files).status_code

    assert imported(addresses) == 429
    assert members(alice, token) == {alice.id}
    assert imported(addresses[1:]) == 200
    assert len(members(alice, token)) == 2 * PORTION + 1
    assert mails is not None


def test_deleting_a_group_again_continues_it_after_a_kill(idle_server: Server) -> None:
    alice = idle_server.add_user("alice")
    people, group = crowd(idle_server)
    token = alice.create_room()
    alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")
    left = sizes_of_commits(idle_server, GroupMemberRemoved)
    assert not idle_server.write(lambda tx: group_service.delete_group(tx, group))
    assert members(alice, token) == {alice.id, group, *(person.id for person in people[PORTION:])}
    assert idle_server.admin.delete(f"/ocs/v2.php/cloud/groups/{group}").status_code == 200
    assert members(alice, token) == {alice.id}
    assert sum(left) == MANY
    assert max(left) == PORTION
