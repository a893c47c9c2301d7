"""The lock of the server on its PostgreSQL database: advisory locks that end with their connection.

Two servers on one database that do not tell each other anything would not know of each other's messages, so clients
that wait at one would not receive messages sent to the other. So a server takes the lock alone, or the processes of one
bus share it. Each of these also locks its number, by which the others see that it lives, and one of them leads.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import asyncpg

from talkd.core.log import Log
from talkd.storage.database import DatabaseInUse
from talkd.storage.postgres_capacity import APPLICATION
from talkd.storage.postgres_errors import FAILURES
from talkd.storage.postgres_hosts import connect

SERVING = 7_482_002
"""The number of the advisory lock."""
MEMBERS = 7_482_003
"""The first number of the locks of processes that share the database. The second is that of the process."""
LEADING = 7_482_004
"""The number of the lock of the process that leads."""
GRACE = 2.0
"""Seconds to wait for the lock of a process that was just killed."""
ANSWER_SECONDS = 5.0
"""If PostgreSQL does not answer within this time, the connection counts as lost."""
_KEEPALIVES = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""With these, PostgreSQL notices within 25 seconds that the server's machine is unreachable, and frees its lock."""
_JOIN = "SELECT pg_advisory_lock_shared($1, $2)"
_HOLDER = """
    SELECT host(activity.client_addr), activity.backend_start
    FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted AND held.classid = 0 AND held.objid = $1 AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """The server that has the lock, as PostgreSQL reports it."""

    address: str
    """Empty for a server that connects by a socket file."""
    since: str

    def __str__(self) -> str:
        return f"connected from {self.address or 'this machine'} since {self.since}"


async def find_holder(connection: "asyncpg.Connection[asyncpg.Record]") -> Holder | None:
    """Return the server that has the lock on this database, or None."""
    row = await connection.fetchrow(_HOLDER, SERVING)
    return None if row is None else Holder(row[0] or "", f"{row[1]:%Y-%m-%d %H:%M} UTC")


class ServingLock:
    """The lock, on its own connection. `process` is the number of a process that shares it, or 0."""

    def __init__(self, url: str, process: int = 0) -> None:
        self._url = url
        self._process = process
        self._leads = False
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    @property
    def is_held(self) -> bool:
        """Return True if the connection is open, as far as this process knows."""
        return self._connection is not None and not self._connection.is_closed()

    @property
    def leads(self) -> bool:
        """Return True if this is the only process, or the one that leads."""
        return self.is_held and (not self._process or self._leads)

    async def take(self) -> None:
        """Take the lock. Raises DatabaseInUse if another server has it."""
        connection = await connect(
            self._url, timeout=ANSWER_SECONDS, server_settings={"application_name": APPLICATION, **_KEEPALIVES}
        )
        try:
            await self._take_on(connection)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def _take_on(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        take = "SELECT pg_try_advisory_lock_shared($1)" if self._process else "SELECT pg_try_advisory_lock($1)"
        if await connection.fetchval("SELECT pg_is_in_recovery()", timeout=ANSWER_SECONDS):
            raise ConnectionError("this is a replica, whose locks say nothing about the primary")
        until = asyncio.get_running_loop().time() + GRACE
        while not await connection.fetchval(take, SERVING, timeout=ANSWER_SECONDS):
            if asyncio.get_running_loop().time() > until:
                holder = await find_holder(connection)
                raise DatabaseInUse(
                    f"another talkd already serves this database ({holder or 'unknown'}), and only processes with one "
                    "bus can share it: stop the other one, give this one another database, or give all of them "
                    "--bus (docs/admin/scaling.md)"
                )
            await asyncio.sleep(0.1)
        if self._process:
            # Shared, because PostgreSQL may take a lost connection of this same process for alive for a while.
            await connection.execute(_JOIN, MEMBERS, self._process, timeout=ANSWER_SECONDS)
            self._leads = await _try_to_lead(connection)

    async def keep(self) -> None:
        """Take the lock again if its connection was lost, and lead if no other process does.

        Raises DatabaseInUse if another server has taken the lock.
        """
        if self._connection is not None:
            try:
                if self._process and not self._leads:
                    self._leads = await _try_to_lead(self._connection)
                else:
                    await self._connection.fetchval("SELECT 1", timeout=ANSWER_SECONDS)
            except FAILURES:
                self._connection.terminate()
                self._connection, self._leads = None, False
                log.warning("serving_lock_lost")
            else:
                return
        # If PostgreSQL is not reachable yet, the next call tries again.
        with contextlib.suppress(*FAILURES):
            await self.take()
            log.info("serving_lock_taken_again")

    async def release(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            with contextlib.suppress(*FAILURES):
                await self._connection.close(timeout=ANSWER_SECONDS)
            self._connection = None


async def _try_to_lead(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADING, timeout=ANSWER_SECONDS))
