"""Waking those who wait.

Whoever waits registers first, looks second, and waits third, so that nothing can happen unseen between
looking and waiting. A change carries no data: the woken look again.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self

from talkd.core.errors import Throttled, Unavailable
from talkd.realtime.timers import Deadlines

HangUp = Callable[[], Awaitable[Any]]
Owners = dict[str, int]
"""For whom a watch counts, such as a session or a network, and how many watches each may have at once."""
RETRY_SECONDS = 5
"""After how long a client whose poll was refused should try again."""


def room_topic(room_id: int) -> str:
    """Something was said, or read, in a room."""
    return f"room:{room_id}"


def attendee_topic(attendee_id: int) -> str:
    """An attendee's own standing changed: role, permissions, removal."""
    return f"attendee:{attendee_id}"


def rules_topic(room_id: int) -> str:
    """What a room allows has changed for many at once: its lobby, its default permissions."""
    return f"rules:{room_id}"


def call_topic(room_id: int) -> str:
    """The sessions of a room, or what they bring to its call, have changed."""
    return f"call:{room_id}"


def session_topic(session_id: str) -> str:
    """Something was sent to one session, or the session has ended."""
    return f"session:{session_id}"


LOGINS = "logins"
"""Whoever is logged in may be allowed less: a setting has changed."""


def login_topic(user_id: str) -> str:
    """A login of an account has ended, or the account may do less."""
    return f"login:{user_id}"


def login_topics(user_id: str | None) -> set[str]:
    """Everything that can end the login of a caller; nothing for a visitor."""
    return {LOGINS, login_topic(user_id)} if user_id is not None else set()


_STANDING = ("attendee:", "rules:", "login")
"""How the topics begin that say that somebody may do something else than before."""


class Watch:
    """One waiter's registration for some topics; use it as a context manager."""

    __slots__ = ("_changes", "_future", "_hang_up", "_listener", "changed", "gone", "owners", "topics")

    def __init__(self, changes: "Changes", topics: tuple[str, ...], hang_up: HangUp | None, owners: Owners) -> None:
        self._changes = changes
        self._future: asyncio.Future[None] | None = None
        self._hang_up = hang_up
        self._listener: asyncio.Task[None] | None = None
        self.gone = False
        """Whether the client has hung up: nobody waits for the answer any more."""
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
        if self._listener is not None:
            self._listener.cancel()

    def wake(self, topic: str) -> None:
        """Called on a change; several before the waiter looks count as one."""
        self.changed.add(topic)
        self.release()

    def release(self) -> None:
        """End the wait without a change."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def take(self) -> set[str]:
        """The topics that changed since this was last called."""
        changed, self.changed = self.changed, set()
        return changed

    async def wait(self, until: float) -> bool:
        """Whether something has changed that was not taken yet.

        False when `until` (loop time) has come, the client has hung up, or the server stops.
        """
        loop = asyncio.get_running_loop()
        if self.changed or self._changes.closing or until <= loop.time():
            return bool(self.changed)
        if self._hang_up is not None and self._listener is None:
            self._listener = asyncio.ensure_future(self._listen(self._hang_up))
        if not self.gone:
            self._future = loop.create_future()
            self._changes.deadlines.add(until, self._future)
            try:
                await self._future
            finally:
                self._changes.deadlines.discard(until, self._future)
                self._future = None
        return bool(self.changed)

    async def _listen(self, hang_up: HangUp) -> None:
        await hang_up()
        self.gone = True
        self.release()


class Changes:
    """All watches of this process by topic."""

    def __init__(self) -> None:
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self.deadlines = Deadlines()
        self.closing = False
        self.standing = 0
        """Another number after every change of what somebody may do. While it stays, what guards saw is still so."""
        self.waiting = 0
        self.waiting_of: Counter[str] = Counter()
        """Watches by owner."""

    def watch(self, *topics: str, hang_up: HangUp | None = None, owners: Owners | None = None) -> Watch:
        """Return a registration for some topics, to be entered before looking.

        `hang_up` returns when the client is gone. Entering raises Unavailable while the server stops, and Throttled
        if one of the owners has as many watches as they may have.
        """
        return Watch(self, topics, hang_up, owners or {})

    def add(self, watch: Watch) -> None:
        """Register; `Watch` calls it."""
        if self.closing:
            raise Unavailable(RETRY_SECONDS, message="The server is stopping.")
        if any(self.waiting_of[owner] >= most for owner, most in watch.owners.items()):
            raise Throttled(RETRY_SECONDS)
        self.waiting += 1
        self.waiting_of.update(watch.owners.keys())
        for topic in watch.topics:
            self._watches[topic].add(watch)

    def discard(self, watch: Watch) -> None:
        """Unregister; `Watch` calls it."""
        self.waiting -= 1
        for owner in watch.owners:
            self.waiting_of[owner] -= 1
            if not self.waiting_of[owner]:
                del self.waiting_of[owner]
        for topic in watch.topics:
            watches = self._watches[topic]
            watches.discard(watch)
            if not watches:
                del self._watches[topic]

    def publish(self, topics: Iterable[str]) -> None:
        """Wake everybody who watches one of the topics."""
        for topic in topics:
            self.standing += topic.startswith(_STANDING)
            for watch in self._watches.get(topic, ()):
                watch.wake(topic)

    def publish_everything(self) -> None:
        """Wake everybody: something has changed, and nobody knows what."""
        self.standing += 1
        self.publish(list(self._watches))

    def close(self) -> None:
        """Let everybody who waits answer at once, and refuse new watches."""
        self.closing = True
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.release()
