"""What is noted while the database cannot be used: figures, and one line in the log for each second."""

import asyncio
from typing import Literal

import structlog

from talkd.core.errors import Unavailable

Kind = Literal["read", "write"]

SECONDS_PER_LINE = 1.0
RETRY_AFTER = 5
"""Seconds after which clients try again."""
MESSAGE = "The database cannot be used at the moment. Try again soon."

log = structlog.get_logger(__name__)


class Availability:
    """Counts the transactions that failed because the database could not be used."""

    def __init__(self) -> None:
        self.failures: dict[Kind, int] = {"read": 0, "write": 0}
        """Since the process started."""
        self._unsaid: dict[Kind, int] = {"read": 0, "write": 0}
        self._reason = ""
        self._timer: asyncio.TimerHandle | None = None

    def note(self, kind: Kind, error: Exception) -> Unavailable:
        """Count one failure; return what to raise in its place."""
        self.failures[kind] += 1
        self._unsaid[kind] += 1
        # Further lines of an error of PostgreSQL may quote what is stored.
        self._reason = ": ".join(filter(None, (type(error).__name__, str(error).partition(chr(10))[0])))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SECONDS_PER_LINE, self.flush)
        return Unavailable(RETRY_AFTER, message=MESSAGE)

    def flush(self) -> None:
        """Write the line for what has failed since the last one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if any(self._unsaid.values()):
            log.error("database_unavailable", reason=self._reason, **self._unsaid)
            self._unsaid = {"read": 0, "write": 0}
