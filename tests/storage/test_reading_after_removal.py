"""After a user was removed or disabled, no request of theirs returns anything that happens later.

A request reads the database several times, and on PostgreSQL each read sees a different state. These tests act before
each read in turn: they remove or disable the caller, and after the acknowledgement they send messages.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest

from support.people import PUBLIC, TALK, Person
from support.running import LoopThread, Server
from talkd.areas.signaling import routes as signaling
from talkd.config import Config
from talkd.storage.postgres_tx import PostgresTx
from talkd.web.answers import Exchange
from talkd.web.edge import Edge

SECRET = "afterwards"
"""This word is in everything that happens after the removal, and in nothing before."""

BOB = "X-Bob"
"""The header of the request during which others act."""
_COUNTS: ContextVar[bool] = ContextVar("counts", default=False)
_READS: ContextVar[bool] = ContextVar("reads", default=False)


class Reads:
    """Counts the reads of the database, and acts before one of them."""

    def __init__(self) -> None:
        self.count = 0
        self._left = 0
        self._act: Callable[[], None] | None = None

    def arm(self, number: int, act: Callable[[], None] | None) -> None:
        """Reset the count, and act before the read with this number."""
        self.count, self._left, self._act = 0, number, act

    async def note(self) -> None:
        """Count a read of Bob's request."""
        if not _COUNTS.get():
            return
        self.count += 1
        self._left -= 1
        if not self._left and self._act is not None:
            await asyncio.to_thread(self._act)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def running(request: pytest.FixtureRequest, databases: Any, loop_thread: LoopThread) -> Iterator[Server]:
    """A server with enough connections for others to act while Bob's request uses one."""
    config: Config = databases.config(request.param)
    config.database.connections = 12
    server = Server(loop_thread, config)
    yield server
    server.stop()


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    yield running
    running.close_clients()


@pytest.fixture
def reads(server: Server, monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Count all transactions of the server, and on PostgreSQL all statements of those that only read."""
    made = Reads()

    def transaction(original: Callable[..., Awaitable[Any]], *, reads: bool) -> Any:
        async def run(*given: Any, **named: Any) -> Any:
            await made.note()
            token = _READS.set(reads)
            try:
                return await original(*given, **named)
            finally:
                _READS.reset(token)

        return run

    def statement(original: Callable[..., Awaitable[Any]]) -> Any:
        async def run(*given: Any, **named: Any) -> Any:
            if _READS.get():  # a writer has locked the rows, so others cannot act
                await made.note()
            return await original(*given, **named)

        return run

    handle = Edge.handle

    async def mark(self: Edge, exchange: Exchange, path: dict[str, str]) -> None:
        _COUNTS.set(exchange.request.get_header(BOB) is not None)
        await handle(self, exchange, path)

    monkeypatch.setattr(Edge, "handle", mark)
    db = type(server.app.world.db)
    for name in ("read", "read_aside", "write"):
        monkeypatch.setattr(db, name, transaction(getattr(db, name), reads=name != "write"))
    for name in ("one", "all"):
        monkeypatch.setattr(PostgresTx, name, statement(getattr(PostgresTx, name)))
    monkeypatch.setattr(signaling, "MAX_POLL_SECONDS", 0)
    return made


@dataclass
class Room:
    """A room of Alice and Bob, in which things happen that Bob must not see."""

    server: Server
    alice: Person
    bob: Person
    token: str
    said: int
    poll: int
    attendee_id: int

    def remove(self) -> None:
        self.alice.delete(f"v4/room/{self.token}/attendees", attendeeId=self.attendee_id)
        self.go_on()

    def disable(self) -> None:
        self.server.admin.put(f"/ocs/v2.php/cloud/users/{self.bob.id}/disable").raise_for_status()
        self.go_on()

    def go_on(self) -> None:
        """Do everything that others in the room can see."""
        alice, token = self.alice, self.token
        alice.put(f"v4/room/{token}", roomName=SECRET)
        alice.put(f"v4/room/{token}/description", description=SECRET)
        alice.say(token, f"{SECRET} @all said")
        alice.post(f"v1/chat/{token}", message=SECRET, replyTo=self.said)
        place = {"type": "geo-location", "id": "geo:1,2", "name": SECRET, "latitude": "1", "longitude": "2"}
        alice.post(f"v1/chat/{token}/share", objectType=place["type"], objectId=place["id"], metaData=json.dumps(place))
        alice.put(f"v1/chat/{token}/{self.said}", message=f"{SECRET} said")
        guest = self.server.visitor()
        guest.join(token)
        guest.post(f"v1/guest/{token}/name", displayName=SECRET)
        guest.post(f"v4/call/{token}", flags=1)
        guest.post(f"v1/reaction/{token}/{self.said}", reaction="👍")
        guest.post(f"v1/poll/{token}/{self.poll}", optionIds=[0])
        alice.delete(f"v1/poll/{token}/{self.poll}")  # closing shows who voted
        late = self.server.add_user(SECRET)
        alice.add(token, late)
        late.join(token)


def fill(server: Server) -> Room:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    attendee_id = alice.attendee(token, bob)
    said = alice.say(token, f'before @"{bob.id}" said')["id"]
    poll = alice.post(f"v1/poll/{token}", question="?", options=["a", "b"], resultMode=0, maxVotes=1)["id"]
    bob.post(f"v1/chat/{token}/{said}/reminder", timestamp=4_000_000_000)
    for each in (alice, bob):
        each.join(token)
        each.post(f"v4/call/{token}", flags=1)
    bob.get(f"v3/signaling/{token}")
    bob.rooms()
    return Room(server, alice, bob, token, said, poll, attendee_id)


DOORS = (
    "v4/room",
    "v4/room?includeLastMessage=true&modifiedSince=1",
    "v4/room/{token}",
    "v4/room/{token}/participants",
    "v1/chat/{token}?lookIntoFuture=0",
    "v1/chat/{token}?lookIntoFuture=1&lastKnownMessageId={said}&timeout=0",
    "v1/chat/{token}?offset=0&timeout=0",
    "v1/chat/{token}/{said}/context",
    "v1/chat/{token}/share?objectType=location",
    "v1/chat/{token}/share/overview",
    "v1/chat/{token}/mentions?search=",
    "v1/poll/{token}/{poll}",
    "v1/reaction/{token}/{said}",
    "v4/call/{token}",
    "v3/signaling/{token}",
    "v1/chat/upcoming-reminders",
    "/ocs/v2.php/apps/notifications/api/v2/notifications",
    "/ocs/v2.php/search/providers/talk-message/search?term=said",
    "/ocs/v2.php/search/providers/talk-message-current/search?term=said&from=/call/{token}",
    "/ocs/v2.php/search/providers/talk-conversations/search?term=afterwards",
    "v4/listed-room",
)


LOGIN_DOORS = ("v4/room", "v4/room/{token}", *DOORS[4:6], "v3/signaling/{token}", *DOORS[15:18])
"""One place checks for all operations whether the caller is disabled."""


def ask(room: Room, door: str, *, by: Person | None = None) -> httpx.Response:
    path = door.format(token=room.token, said=room.said, poll=room.poll)
    return (by or room.bob).http.get(path if path.startswith("/") else TALK + path, headers={BOB: "asks"})


@pytest.mark.timeout(600)  # each read is tested with its own room
@pytest.mark.parametrize(
    ("door", "act"), [*((door, "remove") for door in DOORS), *((door, "disable") for door in LOGIN_DOORS)]
)
def test_nothing_is_read_after_removal(server: Server, reads: Reads, door: str, act: str) -> None:
    for number in count(1):
        room = fill(server)
        reads.arm(number, getattr(room, act))
        answer = ask(room, door)
        if reads.count < number:
            break
        assert SECRET not in answer.text, f"before read {number}"
        assert answer.status_code < 500, f"before read {number}"
        server.close_clients()
    assert number > 1


@pytest.mark.timeout(600)
def test_attendees_who_stay_can_read(server: Server, reads: Reads) -> None:
    """Bob sees everything while he is in the room, and Alice sees it after he was removed."""
    for door in DOORS:
        if "share?" in door or "listed" in door:
            continue  # other kinds of shared items, and rooms without Alice
        room = fill(server)
        reads.arm(1, room.go_on)
        assert SECRET in ask(room, door).text, door
    room = fill(server)
    reads.arm(2, room.remove)
    assert SECRET in ask(room, "v1/chat/{token}?lookIntoFuture=0", by=room.alice).text
