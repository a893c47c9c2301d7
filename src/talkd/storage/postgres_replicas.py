"""Replicas of PostgreSQL, for reads that may miss the last moments.

Once a second, the position of the primary in its log is noted with the time, and compared with what each replica has
replayed. So it is known up to which time a replica has everything. No clock of another machine is involved.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg

from talkd.core import clock
from talkd.core.errors import Unavailable
from talkd.core.log import Log
from talkd.storage.database import ReplicaState
from talkd.storage.postgres_errors import FAILURES
from talkd.storage.postgres_hosts import Connector

T = TypeVar("T")

SAMPLE_SECONDS = 1.0
"""Seconds between two samples."""
ANSWER_SECONDS = 2.0
"""A replica that takes longer for a sample is not used."""
FREE_SECONDS = 0.5
"""A read that gets no connection to a replica within this time uses the primary."""

_REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END"
POSITION = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
"""The position of the primary in its log, in bytes."""

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was committed before the time `at` (`clock.ticks`) is in the log before `position`."""

    at: float
    position: int


class Replica:
    """One replica and the connections to it."""

    def __init__(self, url: str, connections: int, options: dict[str, Any]) -> None:
        parts = urlsplit(url)
        self.name = parts.netloc.rpartition("@")[2]
        """Host and port."""
        self.complete_until: float | None = None
        """The time up to which it has everything; None if that is not known."""
        self.reads = 0
        self._url, self._connections, self._options = url, connections, options
        self._connector = Connector(url)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def get_replayed(self) -> int:
        """Return the position up to which it has replayed the log. Raises ConnectionError if it is no replica."""
        async with asyncio.timeout(ANSWER_SECONDS):
            position = await (await self._get_pool()).fetchval(_REPLAYED)
        if position is None:
            raise ConnectionError("it is no replica")
        return int(position)

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Run work on a connection, which sees one state. Raises the errors of asyncpg."""
        pool = await self._get_pool()
        async with (
            pool.acquire(timeout=FREE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            self.reads += 1
            return await work(connection)

    def set_lost(self) -> None:
        """Do not use it any more, and end its transactions, until a sample succeeds."""
        self.complete_until = None
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def _get_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._pool is None:
            connect: Any = self._connector.connect
            self._pool = await asyncpg.create_pool(
                self._url, connect=connect, min_size=0, max_size=self._connections, **self._options
            )
        return self._pool


class Replicas:
    """All replicas. `get_position` returns that of the primary."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        most_lag: float,
        connections: int,
        options: dict[str, Any],
        get_position: Callable[[], Awaitable[int]],
    ) -> None:
        self.each = tuple(Replica(url, connections, options) for url in urls)
        self._most_lag, self._get_position = most_lag, get_position
        self._samples: deque[Sample] = deque(maxlen=int(most_lag / SAMPLE_SECONDS) + 2)
        self._sampling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take samples until `close`."""
        if self.each and self._sampling is None:
            self._sampling = asyncio.ensure_future(self._sample_repeatedly())

    def forget(self) -> None:
        """Use no replica until new samples are known: the primary is another server."""
        self._samples.clear()
        for replica in self.each:
            replica.complete_until = None

    async def read(self, work: Callable[[Any], Awaitable[T]], *, unchanged_since: float) -> T | None:
        """Run work on a replica that has everything up to a time. Return None if there is none, or if it fails."""
        replica = self._find(unchanged_since)
        if replica is None:
            return None
        try:
            return await replica.run(work)
        except FAILURES as error:
            if isinstance(error, ValueError):  # wrong arguments
                raise
            if not isinstance(error, TimeoutError | asyncpg.SerializationError):  # it is busy, or replays a removal
                replica.set_lost()
            return None

    def _find(self, unchanged_since: float) -> Replica | None:
        since = max(unchanged_since, clock.ticks() - self._most_lag)
        usable = [each for each in self.each if each.complete_until is not None and each.complete_until > since]
        return min(usable, key=lambda each: each.reads, default=None)

    def list_states(self) -> list[ReplicaState]:
        """Return what is known of each replica."""
        now = clock.ticks()
        return [
            ReplicaState(each.name, None if each.complete_until is None else now - each.complete_until, each.reads)
            for each in self.each
        ]

    async def close(self) -> None:
        """End all connections."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.wait([self._sampling])
            self._sampling = None
        for replica in self.each:
            replica.set_lost()

    async def _sample_repeatedly(self) -> None:
        while True:
            with contextlib.suppress(*FAILURES, Unavailable):
                await self._sample()
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _sample(self) -> None:
        replayed = await asyncio.gather(*(self._ask(each) for each in self.each))
        at = clock.ticks()
        async with asyncio.timeout(ANSWER_SECONDS):
            self._samples.append(Sample(at, int(await self._get_position())))
        newest = self._samples[-1].position
        for replica, position in zip(self.each, replayed, strict=True):
            if position is None or position > newest:  # further than its primary: it follows another one
                replica.complete_until = None
            else:
                past = [sample.at for sample in self._samples if sample.position <= position]
                replica.complete_until = max(past, default=None)

    async def _ask(self, replica: Replica) -> int | None:
        try:
            return await replica.get_replayed()
        except FAILURES as error:
            if replica.complete_until is not None:
                log.warning("replica_lost", replica=replica.name, reason=str(error) or "no answer")
            replica.set_lost()
            return None
