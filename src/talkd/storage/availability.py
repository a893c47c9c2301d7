"""Count and log failures while the database is unavailable."""

import asyncio
from typing import Literal

from talkd.core.errors import Unavailable
from talkd.core.log import Log

Kind = Literal["read", "write"]

SECONDS_PER_LINE = 1.0
"""At most one line is logged in this many seconds."""
RETRY_AFTER = 5
"""Seconds after which clients should try again."""
MESSAGE = "The database cannot be used at the moment. Try again soon."

log = Log(__name__)


class Availability:
    """The transactions that failed because the database was unavailable."""

    def __init__(self) -> None:
        self.failures: dict[Kind, int] = {"read": 0, "write": 0}
        """Number of failures since the process started."""
        self._unlogged: dict[Kind, int] = {"read": 0, "write": 0}
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None

    def note(self, kind: Kind, error: Exception) -> Unavailable:
        """Count a failure. Return the exception to raise instead."""
        self.failures[kind] += 1
        self._unlogged[kind] += 1
        # Only the first line: further lines of a PostgreSQL error may quote stored data.
        self._reason = ": ".join(filter(None, (type(error).__name__, str(error).partition(chr(10))[0])))
        if self._timer is None:
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
