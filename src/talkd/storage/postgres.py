"""PostgreSQL: the same transaction functions over asyncpg, with a pool and prepared statements."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import asyncpg

from talkd.storage.database import Database, Row, Tx, Work
from talkd.storage.migrate import migrate_postgres
from talkd.storage.statements import Statement

T = TypeVar("T")

RETRIES = 5
"""How often a transaction is tried again after a deadlock, a serialization failure, or a race for what is unique or
has gone in the same moment: the next time it sees how things are.
"""
_AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
)


class PostgresTx(Tx):
    """A transaction on one connection of the pool."""

    __slots__ = ("_connection", "_database")

    def __init__(self, connection: Any, database: "PostgresDatabase") -> None:
        super().__init__(database.in_transaction)
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

    @staticmethod
    def many(values: Sequence[Any]) -> Any:
        return list(values)


class PostgresDatabase(Database):
    """For when one machine is not enough. READ COMMITTED, with row locks in the order room, attendee, session."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        super().__init__()
        self.failures = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
        self._url = url
        self._connections = connections

    async def open(self) -> None:
        await migrate_postgres(self._url, timeout=5)
        self._writers = await self._connect(self._connections)
        self._readers = await self._connect(max(2, self._connections // 2))

    async def _connect(self, connections: int) -> "asyncpg.Pool[asyncpg.Record]":
        return await asyncpg.create_pool(
            self._url,
            min_size=min(2, connections),
            max_size=connections,
            statement_cache_size=1024,
            command_timeout=60,
            server_settings={"application_name": "talkd"},
        )

    async def close(self) -> None:
        await self._writers.close()
        await self._readers.close()

    async def read(self, work: Work[T]) -> T:
        # Readers have connections of their own: they never wait for those who wait for a busy room.
        async with self._readers.acquire() as connection:
            return await work(PostgresTx(connection, self))

    async def read_aside(self, work: Work[T]) -> T:
        return await self.read(work)

    async def catch_up(self) -> None:
        """Nothing is put off: PostgreSQL looks after its index itself."""

    async def write(self, work: Work[T]) -> T:
        # A client that hangs up between commit and announcement must not keep the others asleep.
        return await asyncio.shield(asyncio.ensure_future(self._write(work)))

    async def _write(self, work: Work[T]) -> T:
        for attempt in range(RETRIES):
            try:
                async with self._writers.acquire() as connection, connection.transaction():
                    tx = PostgresTx(connection, self)
                    result = await work(tx)
            except _AGAIN:
                if attempt == RETRIES - 1:
                    raise
                await asyncio.sleep(0.01 * 2**attempt)
            else:
                self.announce(tx.events)
                return result
        raise AssertionError("unreachable")
