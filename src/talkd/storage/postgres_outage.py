"""An outage of PostgreSQL: who waits for its end, and who notices it.

One task looks whether PostgreSQL can be used again, at a growing pace. All transactions that met the outage wait for
what it finds, without a connection, so that a PostgreSQL that starts is not flooded with attempts to connect.
"""

import asyncio
import contextlib
import enum
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import asyncpg

from talkd.storage.availability import Availability, Kind
from talkd.storage.postgres_errors import LOST, UNUSABLE, OutcomeUnknown
from talkd.storage.postgres_hosts import PACE_SECONDS, NotConnected

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds between two looks at a PostgreSQL that cannot be used. Each pause is twice as long as the one before."""
STABLE_SECONDS = 5.0
"""After this time without a look, the pauses begin with the shortest one again."""
MOST_WAITING = 2_000
"""Transactions that wait at the same time. Further ones fail at once."""
MOST_LOSSES = 3
"""A transaction that loses its connection more often than this fails: it may be the cause."""


class State(enum.Enum):
    """What can be done with PostgreSQL."""

    USABLE = "usable"
    READ_ONLY = "read only"
    DOWN = "down"

    def allows(self, kind: Kind) -> bool:
        """Return True if transactions of this kind can run."""
        return self is State.USABLE or (self is State.READ_ONLY and kind == "read")


class Outage:
    """Whether PostgreSQL can be used, as far as this process knows."""

    def __init__(
        self,
        look: Callable[[], Awaitable[State]],
        availability: Availability,
        *,
        patience: float,
        abandon: Callable[[], None],
        is_connected: Callable[[Kind], bool],
    ) -> None:
        """`look` returns the state of PostgreSQL, and its errors mean that it is down.

        `abandon` is called when PostgreSQL does not answer any more. `is_connected` returns True if there are other
        connections for transactions of a kind: then a failed attempt to connect is no outage.
        """
        self._look, self._availability, self._patience = look, availability, patience
        self._abandon, self._is_connected = abandon, is_connected
        self.state = State.USABLE
        self.reason: Exception = ConnectionError("PostgreSQL cannot be used")
        """The last error of a look, or of the transaction that caused it."""
        self._looking: asyncio.Task[None] | None = None
        self._looked: asyncio.Future[None] | None = None
        """Done after the next look."""
        self._pause, self._last_look = FIRST_PAUSE, -STABLE_SECONDS
        self._is_closed = False

    async def run(self, kind: Kind, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run a transaction, and run it again if its connection was lost before the commit. Wait in an outage.

        Raises Unavailable after the patience, and at once if nobody knows whether the transaction was committed.
        """
        until, losses, pause = asyncio.get_running_loop().time() + self._patience, 0, PACE_SECONDS
        while True:
            if not self.state.allows(kind):
                await self._wait(kind, until, self.reason)
            try:
                return await attempt()
            except NotConnected as error:
                if self._is_connected(kind):
                    await self._pass_time(pause, kind, until, error)
                    pause *= 2
                else:
                    self.suspect(error)
                    await self._wait(kind, until, error)
            except OutcomeUnknown as error:
                self.suspect(error)
                self._fail(kind, error)
            except TimeoutError as error:
                self._fail(kind, error)
            except (*LOST, asyncpg.ReadOnlySQLTransactionError) as error:
                losses += 1
                if isinstance(error, ValueError) or losses > MOST_LOSSES:
                    self._fail(kind, error)
                self.suspect(error)
                await self._wait(kind, until, error)
            except UNUSABLE as error:
                self._fail(kind, error)

    def suspect(self, error: Exception) -> None:
        """Look whether PostgreSQL can be used, because something could not use it."""
        if self.state is State.USABLE:
            self.reason = error
        if self._looking is None and not self._is_closed:
            self._looked = asyncio.get_running_loop().create_future()
            self._looking = asyncio.ensure_future(self._look_until_usable())

    def reopen(self) -> None:
        """Begin anew, with a PostgreSQL that can be used."""
        self._is_closed, self.state = False, State.USABLE

    async def close(self) -> None:
        """Stop looking. Transactions that wait fail."""
        self._is_closed = True
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    def _fail(self, kind: Kind, error: Exception) -> NoReturn:
        """Raises Unavailable, unless the error is a ValueError: asyncpg's error for wrong arguments, a bug of talkd."""
        if isinstance(error, ValueError):
            raise error
        raise self._availability.note(kind, error) from error

    async def _wait(self, kind: Kind, until: float, error: Exception) -> None:
        """Wait for the next look, and then until transactions of this kind can run. Raises Unavailable."""
        if self._availability.waiting >= MOST_WAITING:
            self._fail(kind, error)
        self._availability.waiting += 1
        try:
            async with asyncio.timeout_at(until):
                while self._looked is not None:
                    await asyncio.shield(self._looked)
                    if self.state.allows(kind):
                        return
        except TimeoutError:
            self._fail(kind, error)
        finally:
            self._availability.waiting -= 1
        if not self.state.allows(kind):  # the server stops
            self._fail(kind, error)

    async def _pass_time(self, pause: float, kind: Kind, until: float, error: Exception) -> None:
        if asyncio.get_running_loop().time() + pause > until:
            self._fail(kind, error)
        await asyncio.sleep(pause)

    async def _look_until_usable(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            if loop.time() > self._last_look + STABLE_SECONDS:
                self._pause = FIRST_PAUSE
            else:  # what seemed usable a moment ago was not
                await self._rest()
            while not await self._look_once():
                await self._rest()
        finally:
            self._last_look, self._looking = loop.time(), None
            self._tell(None)

    async def _rest(self) -> None:
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _look_once(self) -> bool:
        """Return True if PostgreSQL can be used. Tell the waiting transactions what was found."""
        try:
            state = await self._look()
        except Exception as error:
            self.reason, state = error, State.DOWN
        was, self.state = self.state, state
        if state is State.USABLE:
            self._availability.end_outage()
            return True
        if was is State.USABLE:
            self._availability.begin_outage(self.reason)
        if state is State.DOWN and any(isinstance(each, TimeoutError) for each in (self.reason, self.reason.__cause__)):
            self._abandon()
        self._tell(asyncio.get_running_loop().create_future())
        return False

    def _tell(self, following: "asyncio.Future[None] | None") -> None:
        looked, self._looked = self._looked, following
        if looked is not None and not looked.done():
            looked.set_result(None)
