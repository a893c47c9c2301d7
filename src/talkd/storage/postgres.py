"""PostgreSQL: the same transaction functions over asyncpg, with a pool and prepared statements."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

import asyncpg
import structlog

from talkd.storage import numbering
from talkd.storage.availability import Kind
from talkd.storage.database import Database, Row, Tx, Work
from talkd.storage.migrate import migrate_postgres
from talkd.storage.postgres_lock import ServingLock
from talkd.storage.statements import Statement

T = TypeVar("T")

RETRIES = 5
"""How often a transaction is tried again after a deadlock, a serialization failure, or a race for what is unique or
has gone in the same moment: the next time it sees how things are.
"""
CONNECT_SECONDS = 5.0
"""How long PostgreSQL may take to accept a connection."""
CLOSE_SECONDS = 5.0
"""How long running transactions may take to end when the server stops."""
START_PAUSE = 0.5
"""Seconds between two tries to reach a PostgreSQL that is not there yet."""
NAMES = 7_482
"""The first number of the advisory locks of names."""
TOGETHER = 2
"""Writers of one queue that have a connection: one that works, and one that goes on as soon as it is done."""

_AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.InvalidCachedStatementError,
)
_LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""The connection is gone; another one may work."""
_NOT_THERE_YET = (OSError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
_UNUSABLE = (
    *_LOST,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.InternalClientError,
)
"""What is raised when the statement is right and the database cannot be used. UndefinedTableError: the tables go for a
moment while somebody restores a backup over them. ObjectNotInPrerequisiteStateError: a row is locked, or the database
accepts no connections.
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many seconds PostgreSQL may take."""

    lock: int = 5
    """To get a row that another transaction holds."""
    statement: int = 60
    """For one statement."""
    connection: int = 10
    """Until a connection is free."""


class PostgresTx(Tx):
    """A transaction on one connection of the pool."""

    __slots__ = ("_connection", "_database")

    searches_newest_first = False

    def __init__(self, connection: Any, database: "PostgresDatabase") -> None:
        super().__init__(database.reactions)
        self._connection = connection
        self._database = database

    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        self._database.statements += 1
        text, values = statement.for_postgres(parameters)
        return cast("list[Row]", await self._connection.fetch(text, *values))

    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        self._database.statements += 1
        text, values = statement.for_postgres(parameters)
        return cast("Row | None", await self._connection.fetchrow(text, *values))

    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        self._database.statements += 1
        text, values = statement.for_postgres(parameters)
        status: str = await self._connection.execute(text, *values)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def lock(self, statement: Statement, /, **parameters: Any) -> None:
        await self.all(statement, **parameters)

    async def lock_name(self, name: str) -> None:
        self._database.statements += 1
        await self._connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", NAMES, name)

    @staticmethod
    def many(values: Sequence[Any]) -> Any:
        return list(values)


class PostgresDatabase(Database):
    """For when one machine is not enough. READ COMMITTED, with row locks in the order room, attendee, session."""

    def __init__(self, url: str, *, connections: int = 16, limits: Limits | None = None) -> None:
        super().__init__()
        self._url = url
        self._limits = limits or Limits()
        # Readers have connections of their own: they never wait for those who wait for a busy room.
        self._for_readers = max(1, (connections - 1) // 3)
        self._for_writers = max(1, connections - 1 - self._for_readers)  # and one for the lock
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._lock: ServingLock | None = None

    # --- opening and closing ----------------------------------------------------------------
    async def open(self, *, patience: float = 0) -> None:
        await self._migrate(patience)
        self._writers = await self._connect(self._for_writers)
        self._readers = await self._connect(self._for_readers)

    async def _migrate(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        until, is_said = loop.time() + patience, False
        while True:
            try:
                return await migrate_postgres(self._url, timeout=CONNECT_SECONDS)
            except _NOT_THERE_YET as error:
                if loop.time() >= until:
                    raise
                if not is_said:
                    log.warning("waiting_for_database", reason=str(error) or "no answer", seconds=patience)
                    is_said = True
                await asyncio.sleep(START_PAUSE)

    async def _connect(self, connections: int) -> "asyncpg.Pool[asyncpg.Record]":
        limits = self._limits
        return await asyncpg.create_pool(
            self._url,
            min_size=min(2, connections),
            max_size=connections,
            statement_cache_size=1024,
            timeout=CONNECT_SECONDS,
            command_timeout=limits.statement + CONNECT_SECONDS,  # when PostgreSQL itself has gone
            server_settings={
                "application_name": "talkd",
                "lock_timeout": f"{limits.lock}s",
                "statement_timeout": f"{limits.statement}s",
                "idle_in_transaction_session_timeout": f"{limits.statement}s",
            },
        )

    async def claim(self) -> None:
        self._lock = ServingLock(self._url)
        await self._lock.take()

    async def watch(self) -> None:
        if self._lock is not None:
            await self._lock.keep()

    @property
    def damage(self) -> str:
        return "" if self._lock is None or self._lock.is_held else "the connection that holds the server's lock is lost"

    async def skip_ids(self, *, after: int = 0) -> None:
        await self.write(lambda tx: numbering.skip(tx, numbering.POSTGRES, after=after))

    async def note_ids(self) -> None:
        await self.write(lambda tx: numbering.note(tx, numbering.POSTGRES))

    async def close(self) -> None:
        self.availability.flush()
        if self._lock is not None:
            await self._lock.release()
        # A pool waits for its connections; one that does not get them back in time cuts them off.
        with contextlib.suppress(*_LOST):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(self._writers.close(), self._readers.close())

    # --- transactions -----------------------------------------------------------------------
    async def read(self, work: Work[T]) -> T:
        try:
            try:
                return await self._read(work)
            except TimeoutError:
                raise
            except _LOST:
                await self._readers.expire_connections()  # the others of the pool have gone with it
                return await self._read(work)
        except _UNUSABLE as error:
            await self._raise_unavailable("read", error)
            raise

    async def _read(self, work: Work[T]) -> T:
        async with self._readers.acquire(timeout=self._limits.connection) as connection:
            return await work(PostgresTx(connection, self))

    async def read_aside(self, work: Work[T]) -> T:
        return await self.read(work)

    async def catch_up(self) -> None:
        """Nothing is put off: PostgreSQL looks after its index itself."""

    async def write(self, work: Work[T], *, queue: str = "") -> T:
        # A client that hangs up between commit and announcement must not keep the others asleep.
        writing = asyncio.ensure_future(self._write(work, queue))
        writing.add_done_callback(lambda done: done.cancelled() or done.exception())  # its client may have gone
        return await asyncio.shield(writing)

    async def _write(self, work: Work[T], queue: str) -> T:
        try:
            if self.damage:
                raise ConnectionError(self.damage)
            async with self._turn(queue):
                result, events = await self._commit(work)
        except _UNUSABLE as error:
            await self._raise_unavailable("write", error)
            raise
        self.announce(events)
        return result

    @contextlib.asynccontextmanager
    async def _turn(self, queue: str) -> AsyncIterator[None]:
        """Wait, without a connection, while enough writers of the same queue have one."""
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
        """Run one transaction; again after a conflict, and once more if the connection was lost before the commit."""
        conflicts, was_lost = 0, False
        while True:
            is_committing = False
            try:
                async with (
                    self._writers.acquire(timeout=self._limits.connection) as connection,
                    connection.transaction(),
                ):
                    tx = PostgresTx(connection, self)
                    result = await work(tx)
                    is_committing = True
            except _AGAIN:
                conflicts += 1
                if conflicts == RETRIES:
                    raise
                await asyncio.sleep(0.005 * 2**conflicts)
            except TimeoutError:
                raise
            except _LOST:
                if is_committing or was_lost:
                    raise
                was_lost = True
                await self._writers.expire_connections()
            else:
                return result, tx.events

    async def _raise_unavailable(self, kind: Kind, error: Exception) -> None:
        """Raises Unavailable, unless the error is a mistake of talkd's, which asyncpg calls a ValueError."""
        if isinstance(error, ValueError):
            return
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):  # after a fail-over the new one is elsewhere
            await self._writers.expire_connections()
        raise self.availability.note(kind, error) from error
