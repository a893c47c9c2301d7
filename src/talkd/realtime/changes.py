"""Wake requests that wait for changes.

A request first registers a watch, then reads, then waits. So a change between reading and waiting is not missed.
A change carries no data: a woken request reads again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from talkd.core.errors import Throttled, Unavailable
from talkd.realtime.timers import Deadlines

HangUp = Callable[[Callable[[], None]], None]
"""Takes a function to call when the client hangs up, or at once if it has."""
Owners = dict[str, int]
"""The owners of a watch, such as a session and a network, and how many watches each may have at once."""
AT_ONCE, EACH_SECOND = 50, 1000
"""How many watches are woken at once, and each second, after changes that may have been missed."""
RETRY_SECONDS = 5
"""Seconds after which a client should try again if its poll was refused."""


def room_topic(room_id: int) -> str:
    """Return the topic of new messages in a room."""
    return f"room:{room_id}"


def marker_topic(room_id: int) -> str:
    """Return the topic of the common read marker of a room."""
    return f"marker:{room_id}"


def attendee_topic(attendee_id: int) -> str:
    """Return the topic of changes of an attendee: role, permissions, removal."""
    return f"attendee:{attendee_id}"


def rules_topic(room_id: int) -> str:
    """Return the topic of changes for many attendees at once: the room's lobby or default permissions."""
    return f"rules:{room_id}"


def call_topic(room_id: int) -> str:
    """Return the topic of changes of a room's list of sessions, and of what they do in its call."""
    return f"call:{room_id}"


def session_topic(session_id: str) -> str:
    """Return the topic of a session: a signaling message was sent to it, or it has ended."""
    return f"session:{session_id}"


LOGINS = "logins"
"""The topic of settings that decide which users may use Talk."""


def login_topic(user_id: str) -> str:
    """Return the topic of an account: a login has ended, or the account may do less."""
    return f"login:{user_id}"


def login_topics(user_id: str | None) -> set[str]:
    """Return the topics of everything that can end the login of a caller; none for a visitor."""
    return {LOGINS, login_topic(user_id)} if user_id is not None else set()


_STANDING = ("attendee:", "rules:", "login")
"""Prefixes of the topics that report a change of what somebody may do."""


class Watch:
    """The registration of one waiting request for some topics. Use it as a context manager."""

    __slots__ = ("_changes", "_future", "_hang_up", "changed", "has_hung_up", "owners", "topics")

    def __init__(self, changes: "Changes", topics: tuple[str, ...], hang_up: HangUp | None, owners: Owners) -> None:
        self._changes = changes
        self._future: asyncio.Future[None] | None = None
        self._hang_up = hang_up
        self.has_hung_up = False
        """Whether the client has hung up, so that nobody receives the answer."""
        self.topics = topics
        self.owners = owners
        self.changed: set[str] = set()

    def __enter__(self) -> Self:
        self._changes.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._changes.discard(self)

    def wake(self, topic: str) -> None:
        """Note a change and end the wait."""
        self.changed.add(topic)
        self.release()

    def release(self) -> None:
        """End the wait without a change."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def take(self) -> set[str]:
        """Return the topics that have changed since the last call."""
        changed, self.changed = self.changed, set()
        return changed

    async def wait(self, until: float) -> bool:
        """Wait for a change. Return True if there is one that was not taken yet.

        Return False when `until` (loop time) is reached, the client hangs up, or the server stops.
        """
        loop = asyncio.get_running_loop()
        if self.changed or self._changes.closing or until <= loop.time():
            return bool(self.changed)
        if self._hang_up is not None:
            self._hang_up(self._note_hang_up)
            self._hang_up = None
        if not self.has_hung_up:
            self._future = loop.create_future()
            self._changes.deadlines.add(until, self._future)
            try:
                await self._future
            finally:
                self._changes.deadlines.discard(until, self._future)
                self._future = None
        return bool(self.changed)

    def _note_hang_up(self) -> None:
        self.has_hung_up = True
        self.release()


class Changes:
    """All watches of this process, by topic."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch | set[Watch]] = {}
        """The watches of each topic. Most topics have one, and a set would take more memory than the watch."""
        self.deadlines = Deadlines()
        self.closing = False
        self.standing = 0
        """Counts the changes of what anybody may do. While it stays the same, the results of guards stay valid."""
        self.waiting = 0
        """Number of watches."""
        self.waiting_of: Counter[str] = Counter()
        """Number of watches by owner."""

    def watch(self, *topics: str, hang_up: HangUp | None = None, owners: Owners | None = None) -> Watch:
        """Return a watch of some topics, to be entered before reading.

        `hang_up` reports that the client has hung up. Entering the watch raises Unavailable while the server stops,
        and Throttled if one of the owners already has as many watches as allowed.
        """
        return Watch(self, topics, hang_up, owners or {})

    def add(self, watch: Watch) -> None:
        """Register a watch; called by `Watch`."""
        if self.closing:
            raise Unavailable(RETRY_SECONDS, message="The server is stopping.")
        if any(self.waiting_of[owner] >= most for owner, most in watch.owners.items()):
            raise Throttled(RETRY_SECONDS)
        self.waiting += 1
        self.waiting_of.update(watch.owners.keys())
        for topic in watch.topics:
            others = self._watches.setdefault(topic, watch)
            if isinstance(others, set):
                others.add(watch)
            elif others is not watch:
                self._watches[topic] = {others, watch}

    def discard(self, watch: Watch) -> None:
        """Unregister a watch; called by `Watch`."""
        self.waiting -= 1
        for owner in watch.owners:
            self.waiting_of[owner] -= 1
            if not self.waiting_of[owner]:
                del self.waiting_of[owner]
        for topic in watch.topics:
            watches = self._watches[topic]
            if isinstance(watches, set):
                watches.discard(watch)
            if not watches or watches is watch:
                del self._watches[topic]

    def publish(self, topics: Iterable[str]) -> None:
        """Wake all watches of these topics."""
        for topic in topics:
            self.standing += topic.startswith(_STANDING)
            for watch in self._of(topic):
                watch.wake(topic)

    def has_watch(self, topic: str) -> bool:
        """Return True if a request waits for this topic."""
        return topic in self._watches

    def publish_slowly(self) -> None:
        """Wake all watches, after changes that no event describes: a few at a time, so that others need not wait."""
        self.standing += 1
        watches = {watch for topic in self._watches for watch in self._of(topic)}
        self._wake_some(list(watches))

    def _wake_some(self, watches: list["Watch"]) -> None:
        for watch in watches[:AT_ONCE]:
            watch.changed.update(watch.topics)
            watch.release()
        if len(watches) > AT_ONCE:
            asyncio.get_running_loop().call_later(AT_ONCE / EACH_SECOND, self._wake_some, watches[AT_ONCE:])

    def close(self) -> None:
        """End all waits, so that the requests are answered, and refuse new watches."""
        self.closing = True
        for topic in self._watches:
            for watch in self._of(topic):
                watch.release()

    def _of(self, topic: str) -> Iterable[Watch]:
        watches = self._watches.get(topic, ())
        return (watches,) if isinstance(watches, Watch) else watches
