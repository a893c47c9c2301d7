"""A database that cannot be used for a while: count and log failures, and try again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from talkd.core import clock
from talkd.core.errors import Unavailable
from talkd.core.log import Log

T = TypeVar("T")
Kind = Literal["read", "write"]

SECONDS_PER_LINE = 1.0
"""At most one line is logged in this many seconds."""
RETRY_AFTER = 5
"""Seconds after which clients should try again."""
RETRY_SECONDS = 1.0
"""Seconds until `persist` tries again."""
MESSAGE = "The database cannot be used at the moment. Try again soon."

log = Log(__name__)


async def persist(attempt: Callable[[], Awaitable[T]]) -> T:
    """Return the result of an attempt, which is repeated until the database can be used."""
    while True:
        try:
            return await attempt()
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)


class Availability:
    """The transactions that failed because the database was unavailable, and its outages."""

    def __init__(self) -> None:
        self.failures: dict[Kind, int] = {"read": 0, "write": 0}
        """Number of failures since the process started."""
        self.outages = 0
        """Number of outages of the database server since the process started."""
        self.waiting = 0
        """Transactions that wait for the end of an outage."""
        self._past_seconds = 0.0
        self._since: float | None = None
        self._unlogged: dict[Kind, int] = {"read": 0, "write": 0}
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """How long the outages have taken together."""
        return self._past_seconds + (0.0 if self._since is None else clock.ticks() - self._since)

    def note(self, kind: Kind, error: Exception) -> Unavailable:
        """Count a failure. Return the exception to raise instead."""
        self.failures[kind] += 1
        self._unlogged[kind] += 1
        self._reason = _describe(error)
        if self._timer is None and self._since is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS_PER_LINE, self.flush)
        return Unavailable(RETRY_AFTER, message=MESSAGE)

    def flush(self) -> None:
        """Log the failures since the last line."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if any(self._unlogged.values()):
            log.error("database_unavailable", reason=self._reason, **self._unlogged)
            self._unlogged = {"read": 0, "write": 0}

    def begin_outage(self, error: Exception) -> None:
        """Log the beginning of an outage. Until its end, failures are only counted."""
        self.flush()
        self.outages += 1
        self._since = clock.ticks()
        log.error("database_lost", reason=_describe(error))

    def end_outage(self) -> None:
        """Log how long the outage took, and what failed in it."""
        if self._since is None:
            return
        seconds, self._since = clock.ticks() - self._since, None
        self._past_seconds += seconds
        log.warning("database_back", seconds=round(seconds, 1), **self._unlogged)
        self._unlogged = {"read": 0, "write": 0}


def _describe(error: Exception) -> str:
    """Return the kind of the error and its first line. Further lines of a PostgreSQL error may quote stored data."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) and isinstance(error, OSError) else error
    return ": ".join(filter(None, (type(cause).__name__, str(cause).partition(chr(10))[0])))
