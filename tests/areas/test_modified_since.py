"""The incremental room list: applied to the previous list, it equals the full list, after any operation."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.files import Files
from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.core import clock

HASH, MODIFIED_BEFORE = "X-Nextcloud-Talk-Hash", "X-Nextcloud-Talk-Modified-Before"
CONFIG = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed"
USERS = "/ocs/v2.php/cloud/users"


class Seen:
    """The state of a client: its rooms by token, the hash, and the time since when to request changes."""

    def __init__(self, person: Person, **params: Any) -> None:
        answer = person.request("GET", "v4/room", **params)
        self.rooms = {room["token"]: room for room in answer.json()["ocs"]["data"]}
        self.hash, self.since = answer.headers[HASH], int(answer.headers[MODIFIED_BEFORE])


class World:
    """Alice owns a public room with Bob, Carol, a guest and a group. She and Bob have another room."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.now = 2_000_000_000.0
        clock.source = lambda: self.now
        self.alice, self.bob, self.carol, self.dave = map(server.add_user, ("alice", "bob", "carol", "dave"))
        self.phone = Person(server.client(self.bob.id), self.bob.id)
        self.guest = server.visitor()
        self.group = server.add_group(self.bob, self.carol)
        self.room = self.alice.create_room(PUBLIC, "Team", participants={"groups": [self.group]})
        self.alice.add(self.room, self.dave)
        self.other = self.alice.create_room(GROUP, "Other", participants={"users": [self.bob.id]})
        self.pair: str = self.alice.post("v4/room", roomType=ONE_TO_ONE, invite=self.bob.id)["token"]
        self.alice.say(self.pair, "Hello")
        self.guest.join(self.room)
        self.guest.post(f"v1/guest/{self.room}/name", displayName="Vera")
        self.early = self.alice.say(self.room, "early")["id"]
        self.dave.post(f"v1/chat/{self.room}/read", lastReadMessage=self.early)
        self.last = self.bob.say(self.room, f'last, @{self.carol.id} @{self.dave.id} @"group/{self.group}"')["id"]
        self.people = [self.alice, self.bob, self.phone, self.carol]
        for person in self.people:
            person.get("v4/room")  # creates the first rooms of new users

    def close(self) -> None:
        """Restore the settings, because other tests use the same server."""
        for key in SETTINGS:
            self.server.admin.delete(f"{CONFIG}/{key}")

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def look(self) -> list[Seen]:
        return [Seen(person) for person in self.people]

    def check(self, before: list[Seen]) -> list[Seen]:
        """Let all clients request changes, and return their states. With an outdated hash they read all rooms again."""
        after = self.look()
        for person, old, new in zip(self.people, before, after, strict=True):
            if old.hash == new.hash:
                assert any(self.adds_up(person, old) for _ in range(3)), "jobs of the server may come in between once"
        return after

    @staticmethod
    def adds_up(person: Person, old: Seen) -> bool:
        changed, full = Seen(person, modifiedSince=old.since).rooms, Seen(person).rooms
        return {token: room for token, room in {**old.rooms, **changed}.items() if token in full} == full

    def attendee_id(self, person: Person) -> int:
        return self.alice.attendee(self.room, person)

    def set(self, key: str, value: str) -> None:
        assert self.server.admin.post(f"{CONFIG}/{key}", json={"value": value}).status_code == 200


class Operation(NamedTuple):
    """An operation, and the operations that must run before it."""

    act: Callable[[World], Any]
    prepare: tuple[Callable[[World], Any], ...] = ()


SETTINGS = {
    "start_calls": "2",
    "delete_one_to_one_conversations": "yes",
    "default_group_notification": "1",
    "start_conversations": '["nobody"]',
    "allowed_groups": '["admin"]',
    "recording_consent": "1",
}


def say_briefly(w: World) -> None:
    w.alice.post(f"v4/room/{w.room}/message-expiration", seconds=60)
    w.alice.say(w.room, f"@{w.bob.id} soon gone")


def rename(user: str, name: str) -> Callable[[World], Any]:
    def act(w: World) -> None:
        path = f"{USERS}/{getattr(w, user).id}"
        assert w.server.admin.put(path, json={"key": "displayname", "value": name}).status_code == 200

    return act


def join(*people: str) -> Callable[[World], Any]:
    return lambda w: [getattr(w, person).join(w.room) for person in people]


def call(person: str, flags: int) -> Callable[[World], Any]:
    return lambda w: getattr(w, person).post(f"v4/call/{w.room}", flags=flags)


def react(w: World) -> None:
    w.carol.post(f"v1/reaction/{w.room}/{w.last}", reaction="🎉")


def share_file(w: World) -> None:
    Files(w.alice).put("/a.txt", b"1")
    wanted = {"path": "/a.txt", "shareWith": w.room, "shareType": 10}
    w.alice.http.post("/ocs/v2.php/apps/files_sharing/api/v1/shares", json=wanted).raise_for_status()


def divide(w: World) -> None:
    w.alice.post(f"v1/breakout-rooms/{w.other}", mode=1, amount=1)


def set_timer(w: World) -> None:
    w.alice.put(f"v4/room/{w.room}/webinar/lobby", state=1, timer=int(w.now) + 60)


def leave_for_good(w: World) -> None:
    w.carol.delete(f"v4/room/{w.room}/participants/self")


def say_as_guest(w: World) -> None:
    w.guest.say(w.room, "I")


def wait_and_tidy(seconds: float) -> Callable[[World], Any]:
    def act(w: World) -> None:
        w.pass_time(seconds)
        w.server.run_job("end_timed_out_sessions", "delete_old_signaling", "delete_expired_messages")

    return act


def set_to(key: str, value: str) -> Callable[[World], Any]:
    return lambda w: w.set(key, value)


OPERATIONS: dict[str, Operation] = {
    # messages
    "say": Operation(lambda w: w.alice.say(w.room, "Hi")),
    "mention": Operation(lambda w: w.alice.say(w.room, f"Hi @{w.bob.id}")),
    "reply": Operation(lambda w: w.alice.say(w.room, "Yes", replyTo=w.last)),
    "edit the last message": Operation(lambda w: w.bob.put(f"v1/chat/{w.room}/{w.last}", message="changed")),
    "delete the last message": Operation(lambda w: w.bob.delete(f"v1/chat/{w.room}/{w.last}")),
    "delete an unread message": Operation(
        lambda w: w.alice.delete(f"v1/chat/{w.room}/{w.early}"),
        (lambda w: w.carol.post(f"v1/chat/{w.room}/read", lastReadMessage=0),),
    ),
    "react": Operation(react),
    "remove a reaction": Operation(lambda w: w.carol.delete(f"v1/reaction/{w.room}/{w.last}", reaction="🎉"), (react,)),
    "clear the history": Operation(lambda w: w.alice.delete(f"v1/chat/{w.room}")),
    "create a poll": Operation(
        lambda w: w.bob.post(f"v1/poll/{w.room}", question="?", options=["a", "b"], resultMode=0, maxVotes=1)
    ),
    "send a message that expires": Operation(say_briefly),
    "let a message expire": Operation(lambda w: w.pass_time(61), (say_briefly,)),
    "delete expired messages": Operation(wait_and_tidy(61), (say_briefly,)),
    # reading
    "read on another device": Operation(
        lambda w: w.phone.post(f"v1/chat/{w.room}/read"), (lambda w: w.alice.say(w.room, "Hi"),)
    ),
    "mark as unread": Operation(lambda w: w.phone.delete(f"v1/chat/{w.room}/read")),
    "set the read marker to 0": Operation(lambda w: w.bob.post(f"v1/chat/{w.room}/read", lastReadMessage=0)),
    "read by waiting": Operation(
        lambda w: w.carol.get(f"v1/chat/{w.room}", lookIntoFuture=1, lastKnownMessageId=w.last, timeout=0)
    ),
    "hide the read status": Operation(lambda w: w.carol.post("v1/settings/user", key="read_status_privacy", value=1)),
    # the room
    "rename": Operation(lambda w: w.alice.put(f"v4/room/{w.room}", roomName="New name")),
    "set a description": Operation(lambda w: w.alice.put(f"v4/room/{w.room}/description", description="New words")),
    "disallow guests": Operation(lambda w: w.alice.delete(f"v4/room/{w.room}/public")),
    "set a password": Operation(lambda w: w.alice.put(f"v4/room/{w.room}/password", password="a secret of ours")),
    "lock": Operation(lambda w: w.alice.put(f"v4/room/{w.room}/read-only", state=1)),
    "make the room listed": Operation(lambda w: w.alice.put(f"v4/room/{w.room}/listable", scope=1)),
    "turn on the lobby": Operation(lambda w: w.alice.put(f"v4/room/{w.room}/webinar/lobby", state=1)),
    "set a lobby timer": Operation(set_timer),
    "let the lobby timer expire": Operation(lambda w: w.pass_time(61), (set_timer,)),
    "set default permissions": Operation(lambda w: w.alice.put(f"v4/room/{w.room}/permissions/default", permissions=4)),
    "set mention permissions": Operation(
        lambda w: w.alice.put(f"v4/room/{w.room}/mention-permissions", mentionPermissions=1)
    ),
    "set the avatar": Operation(lambda w: w.alice.post(f"v1/room/{w.room}/avatar/emoji", emoji="🐳")),
    "delete the room": Operation(lambda w: w.alice.delete(f"v4/room/{w.room}")),
    "create a room": Operation(lambda w: w.alice.create_room(participants={"users": [w.carol.id]})),
    "create breakout rooms": Operation(divide),
    "start breakout rooms": Operation(lambda w: w.alice.post(f"v1/breakout-rooms/{w.other}/rooms"), (divide,)),
    # attendees
    "promote": Operation(lambda w: w.alice.post(f"v4/room/{w.room}/moderators", attendeeId=w.attendee_id(w.bob))),
    "give permissions": Operation(
        lambda w: w.alice.put(
            f"v4/room/{w.room}/attendees/permissions", attendeeId=w.attendee_id(w.carol), method="set", permissions=8
        )
    ),
    "leave for good": Operation(leave_for_good),
    "remove": Operation(lambda w: w.alice.delete(f"v4/room/{w.room}/attendees", attendeeId=w.attendee_id(w.carol))),
    "add": Operation(lambda w: w.alice.add(w.other, w.carol)),
    "ban": Operation(lambda w: w.alice.post(f"v1/ban/{w.room}", actorType="users", actorId=w.carol.id)),
    "rename a guest": Operation(
        lambda w: w.guest.post(f"v1/guest/{w.room}/name", displayName="Wanda"), (say_as_guest,)
    ),
    "rename a member": Operation(rename("bob", "Rob")),
    "rename a mentioned user": Operation(rename("carol", "Caroline")),
    "rename a user who left": Operation(rename("carol", "Caroline"), (leave_for_good,)),
    "rename a mentioned group": Operation(
        lambda w: w.server.admin.put(
            f"/ocs/v2.php/cloud/groups/{w.group}", json={"key": "displayname", "value": "Crew"}
        ).raise_for_status(),
        (lambda w: w.bob.say(w.other, f'@"group/{w.group}"'),),
    ),
    "delete a mentioned group": Operation(
        lambda w: w.server.admin.delete(f"/ocs/v2.php/cloud/groups/{w.group}").raise_for_status()
    ),
    "delete an account": Operation(lambda w: w.server.admin.delete(f"{USERS}/{w.dave.id}")),
    "leave the group": Operation(
        lambda w: w.server.admin.request("DELETE", f"{USERS}/{w.carol.id}/groups", json={"groupid": w.group})
    ),
    # preferences
    "add a favourite": Operation(lambda w: w.phone.post(f"v4/room/{w.room}/favorite")),
    "archive": Operation(lambda w: w.phone.post(f"v4/room/{w.room}/archive")),
    "mark as important": Operation(lambda w: w.phone.post(f"v4/room/{w.room}/important")),
    "mark as sensitive": Operation(lambda w: w.phone.post(f"v4/room/{w.room}/sensitive")),
    "set the notification level": Operation(lambda w: w.phone.post(f"v4/room/{w.room}/notify", level=3)),
    "set the notifications of calls": Operation(lambda w: w.phone.post(f"v4/room/{w.room}/notify-calls", level=0)),
    # sessions and calls
    "join": Operation(join("bob")),
    "leave": Operation(lambda w: w.bob.delete(f"v4/room/{w.room}/participants/active"), (join("bob"),)),
    "stop sending requests": Operation(wait_and_tidy(1000), (join("bob"),)),
    "start a call": Operation(call("alice", 1), (join("alice"),)),
    "join a call": Operation(call("bob", 7), (join("alice", "bob"), call("alice", 1))),
    "leave a call": Operation(
        lambda w: w.bob.delete(f"v4/call/{w.room}"), (join("alice", "bob"), call("alice", 1), call("bob", 7))
    ),
    "end a call": Operation(
        lambda w: w.alice.delete(f"v4/call/{w.room}", all=True),
        (join("alice", "bob"), call("alice", 1), call("bob", 7)),
    ),
    # files
    "replace a shared file": Operation(lambda w: Files(w.alice).put("/a.txt", b"123"), (share_file,)),
    "delete a shared file": Operation(lambda w: Files(w.alice).request("DELETE", "/a.txt"), (share_file,)),
    # settings
    **{f"set {key}": Operation(set_to(key, value)) for key, value in SETTINGS.items()},
}
CHANGES_NOTHING = {"set start_conversations", "set allowed_groups", "set recording_consent"}
"""Settings that only the capabilities show, and therefore change only the hash."""


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    before = clock.source
    world = World(server)
    yield world
    world.close()
    clock.source = before


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_incremental_list_shows_the_change(world: World, name: str) -> None:
    for step in OPERATIONS[name].prepare:
        step(world)
    world.pass_time(10)
    before = world.look()
    world.pass_time(10)
    OPERATIONS[name].act(world)
    world.pass_time(10)
    after = world.check(before) if name != "set allowed_groups" else []
    told = any(old.rooms != new.rooms for old, new in zip(before, after, strict=False))
    assert told or name in CHANGES_NOTHING


@pytest.mark.parametrize(("key", "value"), SETTINGS.items())
def test_the_hash_changes_with_a_setting(world: World, key: str, value: str) -> None:
    before = Seen(world.alice).hash
    world.set(key, value)
    answer = world.server.admin.get("/ocs/v2.php/apps/spreed/api/v4/room")
    assert answer.headers[HASH] != before
    world.server.admin.delete(f"{CONFIG}/{key}")
    assert Seen(world.alice).hash == before


def test_unchanged_rooms_are_not_in_the_incremental_list(world: World) -> None:
    world.alice.say(world.room, "Hi")
    world.pass_time(2)
    since = Seen(world.bob).since
    world.pass_time(100)
    assert Seen(world.bob, modifiedSince=since).rooms == {}
    world.alice.post(f"v1/chat/{world.other}/read", lastReadMessage=0)
    assert set(Seen(world.alice, modifiedSince=since).rooms) == {world.other}
    assert set(Seen(world.bob, modifiedSince=since).rooms) == {world.other}, "the id up to which everybody has read"
    world.phone.post(f"v4/room/{world.pair}/favorite")
    assert set(Seen(world.bob, modifiedSince=since).rooms) == {world.other, world.pair}
    assert set(Seen(world.alice, modifiedSince=since).rooms) == {world.other}


def test_rooms_with_a_call_are_always_in_the_incremental_list(world: World) -> None:
    world.alice.join(world.room)
    world.alice.post(f"v4/call/{world.room}", flags=1)
    world.pass_time(30)
    since = Seen(world.bob).since
    world.pass_time(30)
    assert set(Seen(world.bob, modifiedSince=since).rooms) == {world.room}


GAPS = st.sampled_from([0, 0.5, 3, 70])
STEPS = st.lists(st.tuples(st.sampled_from(sorted(set(OPERATIONS) - {"set allowed_groups"})), GAPS, GAPS), max_size=8)


def test_incremental_lists_add_up_to_the_full_list(server: Server) -> None:
    source = clock.source

    @settings(
        max_examples=15,
        phases=[Phase.generate],
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=STEPS)
    def add_up(steps: list[tuple[str, float, float]]) -> None:
        world = World(server)
        try:
            seen = world.look()
            for name, before, after in steps:
                for step in (*OPERATIONS[name].prepare, OPERATIONS[name].act):
                    world.pass_time(before)
                    with suppress(
                        AssertionError, KeyError, httpx.HTTPStatusError
                    ):  # some operations are not possible any more
                        step(world)
                    world.pass_time(after)
                    seen = world.check(seen)
        finally:
            world.close()
            clock.source = source

    add_up()
