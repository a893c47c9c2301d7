"""PostgreSQL: runs the transaction functions over asyncpg, with connection pools and prepared statements."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

import asyncpg
import sqlalchemy as sa

from talkd.core.log import Log
from talkd.storage import numbering
from talkd.storage.availability import Kind
from talkd.storage.database import Database, Row, Tx, Work
from talkd.storage.postgres_lock import MEMBERS, ServingLock
from talkd.storage.postgres_migrate import migrate_postgres
from talkd.storage.statements import Statement

T = TypeVar("T")

RETRIES = 5
"""A transaction runs up to this many times if it fails by a deadlock, a serialization failure, or a race with another
one for a unique value or a deleted row: the next run sees the new state.
"""
CONNECT_SECONDS = 5.0
"""PostgreSQL must accept a connection within this time."""
CLOSE_SECONDS = 5.0
"""Running transactions must end within this time when the server stops."""
START_PAUSE = 0.5
"""Seconds between two attempts to connect to a PostgreSQL that is not running yet."""
NAMES = 7_482
"""First number of the advisory locks for names."""
TOGETHER = 2
"""Maximum number of writers of one queue with a connection: one works, and one can start as soon as it is done."""

_SIZE = Statement(sa.select(sa.func.pg_database_size(sa.func.current_database())))
_SERVING = Statement(
    sa.text(
        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 "
        "AND classid = :members AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).bindparams(sa.bindparam("members", type_=sa.BigInteger))
)
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
"""The connection was lost. Another one may work."""
_NOT_RUNNING_YET = (OSError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
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
"""Exceptions that mean that the database is unavailable, not that the statement is wrong.

UndefinedTableError: tables are missing for a moment while a backup is restored. ObjectNotInPrerequisiteStateError: a
row is locked, or the database accepts no connections.
"""

log = Log(__name__)


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is when it goes back to its pool, which saves a round trip for each transaction.

    A transaction that is still open is rolled back anyway, and no statement changes what outlives a transaction.
    """


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for PostgreSQL, in seconds."""

    lock: int = 5
    """To wait for a row that another transaction has locked."""
    statement: int = 60
    """For one statement."""
    connection: int = 10
    """To wait for a free connection."""


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

    async def can_lock_name(self, name: str) -> bool:
        self._database.statements += 1
        found = await self._connection.fetchval("SELECT pg_try_advisory_xact_lock($1, hashtext($2))", NAMES, name)
        return bool(found)

    @staticmethod
    def many(values: Sequence[Any]) -> Any:
        return list(values)


class PostgresDatabase(Database):
    """A PostgreSQL database. Transactions are READ COMMITTED and lock rows in the order room, attendee, session."""

    def __init__(self, url: str, *, connections: int = 16, limits: Limits | None = None) -> None:
        super().__init__()
        self._url = url
        self._limits = limits or Limits()
        # Readers have their own connections, so that they never wait for writers that wait for a busy room.
        self._for_readers = max(1, (connections - 1) // 3)
        self._for_writers = max(1, connections - 1 - self._for_readers)  # one is for the serving lock
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._lock: ServingLock | None = None

    # --- opening and closing ----------------------------------------------------------------
    async def open(self, *, patience: float = 0) -> None:
        await self._migrate(patience)
        self._writers = await self._connect(self._for_writers)
        self._readers = await self._connect(self._for_readers)

    async def _migrate(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        until, is_logged = loop.time() + patience, False
        while True:
            try:
                return await migrate_postgres(self._url, timeout=CONNECT_SECONDS)
            except _NOT_RUNNING_YET as error:
                if loop.time() >= until:
                    raise
                if not is_logged:
                    log.warning("waiting_for_database", reason=str(error) or "no answer", seconds=patience)
                    is_logged = True
                await asyncio.sleep(START_PAUSE)

    async def _connect(self, connections: int) -> "asyncpg.Pool[asyncpg.Record]":
        limits = self._limits
        return await asyncpg.create_pool(
            self._url,
            min_size=min(2, connections),
            max_size=connections,
            statement_cache_size=1024,
            reset=_keep,
            timeout=CONNECT_SECONDS,
            command_timeout=limits.statement + CONNECT_SECONDS,  # for a PostgreSQL that does not answer any more
            server_settings={
                "application_name": "talkd",
                "lock_timeout": f"{limits.lock}s",
                "statement_timeout": f"{limits.statement}s",
                "idle_in_transaction_session_timeout": f"{limits.statement}s",
            },
        )

    async def claim(self, process: int = 0) -> None:
        self._lock = ServingLock(self._url, process)
        await self._lock.take()

    @property
    def leads(self) -> bool:
        return self._lock is not None and self._lock.leads

    async def list_serving(self) -> set[int]:
        return set(await self.read(lambda tx: tx.values(_SERVING, members=MEMBERS)))

    async def watch(self) -> None:
        if self._lock is not None:
            await self._lock.keep()

    @property
    def damage(self) -> str:
        return "" if self._lock is None or self._lock.is_held else "the connection that holds the server's lock is lost"

    async def skip_ids(self, *, after: int = 0) -> None:
        await self.write(lambda tx: numbering.skip(tx, numbering.POSTGRES, after=after))

    async def get_size(self) -> int:
        return int(await self.read(lambda tx: tx.value(_SIZE)))

    async def note_ids(self) -> None:
        await self.write(lambda tx: numbering.note(tx, numbering.POSTGRES))

    async def close(self) -> None:
        self.availability.flush()
        if self._lock is not None:
            await self._lock.release()
        # A pool waits until its connections are free. After the timeout it terminates them.
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
                await self._readers.expire_connections()  # the other connections were lost too
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
        """Do nothing: PostgreSQL updates its index by itself."""

    async def write(self, work: Work[T], *, queue: str = "") -> T:
        # Shielded: if the client disconnects after the commit, other clients must still be woken.
        writing = asyncio.ensure_future(self._write(work, queue))
        writing.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may await it
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
        """Run a transaction. Run it again after a conflict, and once if the connection was lost before the commit."""
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
        """Raises Unavailable, unless the error is a ValueError: asyncpg's error for wrong arguments, a bug of talkd."""
        if isinstance(error, ValueError):
            return
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            # After a fail-over, new connections reach the new primary.
            await self._writers.expire_connections()
        raise self.availability.note(kind, error) from error
