"""PostgreSQL: runs the transaction functions over asyncpg, with connection pools and prepared statements."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import asyncpg
import sqlalchemy as sa

from talkd.core import ids
from talkd.core.log import Log
from talkd.storage import numbering
from talkd.storage.database import Database, ReplicaState, Tx, Work
from talkd.storage.postgres_capacity import get_capacity
from talkd.storage.postgres_errors import AGAIN, LOST, NOT_RUNNING_YET, OutcomeUnknown
from talkd.storage.postgres_groups import Groups
from talkd.storage.postgres_hosts import CONNECT_SECONDS, Connector
from talkd.storage.postgres_lock import MEMBERS, ServingLock
from talkd.storage.postgres_migrate import migrate_postgres
from talkd.storage.postgres_outage import Outage, State
from talkd.storage.postgres_pooler import options_of, prologue_of, require_direct
from talkd.storage.postgres_reads import SharedReads
from talkd.storage.postgres_replicas import POSITION, Replicas
from talkd.storage.postgres_tx import PostgresReadTx, PostgresTx
from talkd.storage.schema import meta
from talkd.storage.statements import Statement, bind, insert, word

T = TypeVar("T")

RETRIES = 5
"""A transaction runs up to this many times if it fails by a deadlock, a serialization failure, or a race with another
one for a unique value or a deleted row: the next run sees the new state.
"""
CLOSE_SECONDS = 5.0
"""Running transactions must end within this time when the server stops."""
START_PAUSE = 0.5
"""Seconds between two attempts to connect to a PostgreSQL that is not running yet."""
WARM = 2
"""Connections of each pool that the start makes."""
READERS_PLAN = {"plan_cache_mode": "force_generic_plan"}
"""A statement is planned once for each connection. To plan it for its parameters takes longer than most reads."""
WRITERS_PLAN = {**READERS_PLAN, "enable_seqscan": "off"}
"""The plan is kept, so it must not be one for tables that are small at first."""
TOGETHER = 2
"""Maximum number of writers of one queue with a connection: one works, and one can start as soon as it is done."""

_SIZE = Statement(sa.select(sa.func.pg_database_size(sa.func.current_database())))
_SERVING = Statement(
    sa.text(
        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "
        "AND classid = :members AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).bindparams(sa.bindparam("members", type_=sa.BigInteger))
)
_STATE = "SELECT current_setting('transaction_read_only') = 'on', pg_postmaster_start_time()::text"
_POSITION = Statement(sa.text(POSITION))
_SET_EPOCH = Statement(
    insert(meta)
    .values(key=word("epoch"), value=bind("epoch"))
    .on_conflict_do_update(index_elements=["key"], set_={"value": bind("epoch", sa.Text)})
)

log = Log(__name__)


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is when it goes back to its pool, which saves a round trip for each transaction.

    A transaction that is still open is rolled back anyway, and no statement changes what outlives a transaction.
    """


async def _warm_up(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Connect for the first requests, which would otherwise wait for it."""
    connections = await asyncio.gather(*(pool.acquire() for _ in range(min(WARM, pool.get_max_size()))))
    await asyncio.gather(*(pool.release(each) for each in connections))


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for PostgreSQL, in seconds."""

    lock: int = 5
    """To wait for a row that another transaction has locked."""
    statement: int = 60
    """For one statement."""
    connection: int = 10
    """To wait for a free connection."""
    outage: float = 5
    """To wait for the end of an outage."""

    @property
    def settings(self) -> dict[str, str]:
        """The settings of PostgreSQL for all transactions."""
        return {
            "lock_timeout": f"{self.lock}s",
            "statement_timeout": f"{self.statement}s",
            "idle_in_transaction_session_timeout": f"{self.statement}s",
            "jit": "off",  # compiling takes longer than any statement of talkd
        }


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """The replicas, and by how many seconds they may lag behind."""

    urls: Sequence[str] = ()
    lag: float = 5


class PostgresDatabase(Database):
    """A PostgreSQL database. Transactions are READ COMMITTED and lock rows in the order room, attendee, session."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 16,
        limits: Limits | None = None,
        direct_url: str = "",
        replicas: ReplicaSettings | None = None,
        lock_queues: Statement | None = None,
    ) -> None:
        """`direct_url`: the address of PostgreSQL itself, if `url` leads to a pooler.

        `lock_queues`: a SELECT that locks those rows of `queues` that nobody else has locked, and returns them. With
        it, several brief writes share a transaction (`postgres_groups.py`).
        """
        super().__init__()
        self._url, self._direct_url, self._connections = url, direct_url or url, connections
        self._limits = limits or Limits()
        # Readers have their own connections, so that they never wait for writers that wait for a busy room.
        self._for_readers = max(1, (connections - 1) // 3)
        self._for_writers = max(1, connections - 1 - self._for_readers)  # one is for the serving lock
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._lock: ServingLock | None = None
        self.shared_reads = SharedReads(self.use_reader, self._count)
        """The reads that run for several requests together."""
        self._groups = Groups(self, lock_queues) if lock_queues is not None else None
        self._connector = Connector(url)
        self._options: dict[str, Any] = {}
        self._prologue = ""
        """Statements at the beginning of every transaction over a pooler; empty without a pooler."""
        self._outage = Outage(
            self._look,
            self.availability,
            patience=self._limits.outage,
            abandon=self._abandon,
            is_connected=lambda kind: (self._readers if kind == "read" else self._writers).get_size() > 0,
        )
        self._server = ""
        """The start of PostgreSQL, which tells it from a server that took over."""
        self._may_have_missed_commit = False
        replicas = replicas or ReplicaSettings()
        self._replicas = Replicas(
            replicas.urls,
            most_lag=replicas.lag,
            connections=self._for_readers,
            options=options_of(self._limits.settings, is_pooled=False),
            get_position=lambda: self.read(lambda tx: tx.value(_POSITION)),
        )

    # --- opening and closing ----------------------------------------------------------------
    async def open(self, *, patience: float = 0) -> None:
        is_pooled = await self._migrate(patience)
        self._options = options_of(self._limits.settings, is_pooled=is_pooled)
        self._prologue = prologue_of(self._limits.settings) if is_pooled else ""
        await self._connect()
        self._outage.reopen()
        await asyncio.gather(_warm_up(self._writers), _warm_up(self._readers))
        async with self._writers.acquire() as connection, connection.transaction():
            _, self._server = await connection.fetchrow(_STATE) or (False, "")

    async def _migrate(self, patience: float) -> bool:
        """Upgrade the tables. Return True if the URL leads to a pooler."""
        loop = asyncio.get_running_loop()
        until, is_logged = loop.time() + patience, False
        while True:
            try:
                is_pooled = await require_direct(self._url, self._direct_url, timeout=CONNECT_SECONDS)
                await migrate_postgres(self._direct_url, timeout=CONNECT_SECONDS)
            except NOT_RUNNING_YET as error:
                if loop.time() >= until:
                    raise
                if not is_logged:
                    log.warning("waiting_for_database", reason=str(error) or "no answer", seconds=patience)
                    is_logged = True
                await asyncio.sleep(START_PAUSE)
            else:
                return is_pooled

    async def _connect(self) -> None:
        """Create the pools. They connect when they are used."""
        self._writers = await self._create_pool(self._for_writers, WRITERS_PLAN)
        self._readers = await self._create_pool(self._for_readers, READERS_PLAN)

    async def _create_pool(self, connections: int, plan: dict[str, str]) -> "asyncpg.Pool[asyncpg.Record]":
        connect: Any = self._connector.connect
        options = dict(self._options)
        if "server_settings" in options:
            options["server_settings"] = {**options["server_settings"], **plan}
        pool: asyncpg.Pool[asyncpg.Record] = await asyncpg.create_pool(
            self._url,
            connect=connect,
            min_size=0,  # a pool that keeps a minimum would connect by itself in an outage
            max_size=connections,
            reset=_keep,
            command_timeout=self._limits.statement + CONNECT_SECONDS,  # for a PostgreSQL that does not answer any more
            **options,
        )
        return pool

    async def claim(self, process: int = 0) -> None:
        self._lock = ServingLock(self._direct_url, process)
        await self._lock.take()
        self._replicas.start()
        capacity = await self.read(get_capacity)
        needed = capacity.needs(self._connections)
        if needed > capacity.allowed and not self._prologue:  # a pooler has limits of its own
            log.warning(
                "few_postgres_connections", needed=needed, allowed=capacity.allowed, processes=capacity.processes
            )

    @property
    def leads(self) -> bool:
        return self._lock is not None and self._lock.leads

    async def list_serving(self) -> set[int]:
        return set(await self.read(lambda tx: tx.values(_SERVING, members=MEMBERS)))

    async def watch(self) -> None:
        if self._lock is not None:
            await self._lock.keep()
        if self._lock_damage:
            self._outage.suspect(ConnectionError(self._lock_damage))

    @property
    def _lock_damage(self) -> str:
        return "" if self._lock is None or self._lock.is_held else "the connection that holds the server's lock is lost"

    @property
    def damage(self) -> str:
        return self._lock_damage if self._outage.state is State.USABLE else str(self._outage.reason)

    async def skip_ids(self, *, after: int = 0) -> None:
        await self.write(lambda tx: numbering.skip(tx, numbering.POSTGRES, after=after))

    async def get_size(self) -> int:
        return int(await self.read(lambda tx: tx.value(_SIZE)))

    async def note_ids(self) -> None:
        await self.write(lambda tx: numbering.note(tx, numbering.POSTGRES))

    async def close(self) -> None:
        await self._replicas.close()
        await self._outage.close()
        self.availability.flush()
        lock, self._lock = self._lock, None
        if lock is not None:
            await lock.release()
        # A pool waits until its connections are free. After the timeout it terminates them.
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(self._writers.close(), self._readers.close())

    # --- outages ----------------------------------------------------------------------------
    async def _look(self) -> State:
        """Return what can be done with PostgreSQL. If it was not usable or is another server, prepare to use it."""
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await self._connector.connect(**self._options)
            try:
                async with connection.transaction():
                    is_read_only, server = await connection.fetchrow(_STATE)
                    if is_read_only or self._lock_damage:
                        return State.READ_ONLY
                    if server != self._server or self._may_have_missed_commit:
                        await self._outdate(PostgresTx(connection, self))
            finally:
                connection.terminate()
        if server != self._server or self._outage.state is not State.USABLE:
            self._replicas.forget()
            self._abandon()
            await self._connect()
        self._server, self._may_have_missed_commit = server, False
        return State.USABLE

    async def _outdate(self, tx: Tx) -> None:
        """Let all processes forget what they remember, and wake all requests that wait: they may have missed a commit.

        A server that took over may lack the last transactions. Their ids must not be used again, so some are skipped.
        """
        await numbering.skip(tx, numbering.POSTGRES)
        await tx.run(_SET_EPOCH, epoch=ids.text(16))

    def _abandon(self) -> None:
        """Close all connections at once, also those that run a transaction."""
        self._writers.terminate()
        self._readers.terminate()

    # --- transactions -----------------------------------------------------------------------
    async def read(self, work: Work[T]) -> T:
        return await self._outage.run("read", lambda: self._read(work))

    async def _read(self, work: Work[T]) -> T:
        if self._prologue:
            return await self._read_in_transaction(work, self._prologue)
        async with contextlib.AsyncExitStack() as stack:
            return await work(PostgresReadTx(self, stack))

    async def _read_in_transaction(self, work: Work[T], settings: str) -> T:
        async with self.use_reader() as connection, connection.transaction():
            await connection.execute(settings)
            return await work(PostgresTx(connection, self))

    async def read_aside(self, work: Work[T]) -> T:
        # The best plan of such a read depends on its parameters.
        settings = "; ".join(filter(None, (self._prologue, "SET LOCAL plan_cache_mode = auto")))
        return await self._outage.run("read", lambda: self._read_in_transaction(work, settings))

    def use_reader(self) -> AbstractAsyncContextManager[Any]:
        """Return a connection for reads, as a context manager."""
        acquired: AbstractAsyncContextManager[Any] = self._readers.acquire(timeout=self._limits.connection)
        return acquired

    def _count(self) -> None:
        self.statements += 1

    async def read_replica(self, work: Work[T], *, unchanged_since: float = 0) -> T | None:
        def on(connection: Any) -> Awaitable[T]:
            return work(PostgresTx(connection, self))

        return await self._replicas.read(on, unchanged_since=unchanged_since)

    def list_replicas(self) -> list[ReplicaState]:
        return self._replicas.list_states()

    async def catch_up(self) -> None:
        """Do nothing: PostgreSQL updates its index by itself."""

    async def write(self, work: Work[T], *, queue: str = "", is_brief: bool = False) -> T:
        # Shielded: if the client disconnects after the commit, other clients must still be woken.
        if is_brief and queue and self._groups is not None and not self.damage:
            writing = self._groups.add(work, queue)
        else:
            writing = asyncio.ensure_future(self.write_alone(work, queue))
        writing.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may await it
        return await asyncio.shield(writing)

    def use_writer(self) -> AbstractAsyncContextManager[Any]:
        """Return a connection for a write, as a context manager."""
        acquired: AbstractAsyncContextManager[Any] = self._writers.acquire(timeout=self._limits.connection)
        return acquired

    @property
    def prologue(self) -> str:
        """The statements with which a transaction begins; empty if the connection has all settings."""
        return self._prologue

    def lose_commit(self, error: Exception) -> Exception | None:
        """Return what to tell those whose transaction nobody knows to be stored; None if it was rolled back."""
        if not isinstance(error, LOST):
            return None
        self._may_have_missed_commit = True
        self._outage.suspect(error)
        return self.availability.note("write", error)

    async def write_alone(self, work: Work[T], queue: str) -> T:
        """Run a write in a transaction of its own."""
        result, events = await self._outage.run("write", lambda: self._write_once(work, queue))
        self.announce(events)
        return result

    async def _write_once(self, work: Work[T], queue: str) -> tuple[T, list[Any]]:
        if self._lock_damage:
            raise ConnectionError(self._lock_damage)
        async with self._turn(queue):
            return await self._commit(work)

    @contextlib.asynccontextmanager
    async def _turn(self, queue: str) -> AsyncIterator[None]:
        """Wait, without using a connection, while TOGETHER writers of the same queue use one."""
        if not queue:
            yield
            return
        turns = self._queues.get(queue)
        if turns is None:
            turns = self._queues[queue] = asyncio.Semaphore(TOGETHER)
        if turns.locked():
            async with asyncio.timeout(self._limits.connection):
                await turns.acquire()
        else:
            await turns.acquire()
        try:
            yield
        finally:
            turns.release()

    async def _commit(self, work: Work[T]) -> tuple[T, list[Any]]:
        """Run a transaction. Run it again after a conflict. Raises OutcomeUnknown if the commit was not answered."""
        conflicts = 0
        while True:
            is_committing = False
            try:
                async with (
                    self._writers.acquire(timeout=self._limits.connection) as connection,
                    connection.transaction(),
                ):
                    if self._prologue:
                        await connection.execute(self._prologue)
                    tx = PostgresTx(connection, self)
                    result = await work(tx)
                    is_committing = True
            except AGAIN:
                conflicts += 1
                if conflicts == RETRIES:
                    raise
                await asyncio.sleep(0.005 * 2**conflicts)
            except LOST as error:
                if not is_committing:
                    raise
                self._may_have_missed_commit = True
                raise OutcomeUnknown(str(error)) from error
            else:
                return result, tx.events
