"""Transactions of PostgreSQL over asyncpg."""

import contextlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, cast

from talkd.core.events import Event
from talkd.storage.database import Reaction, Row, Tx
from talkd.storage.postgres_batches import Together, changed_by, run_batch
from talkd.storage.postgres_reads import SharedReads
from talkd.storage.statements import Statement

NAMES = 7_482
"""First number of the advisory locks for names."""


class Source(Protocol):
    """The database, as its transactions use it."""

    statements: int
    reactions: dict[type[Event], tuple[Reaction, ...]]
    shared_reads: SharedReads

    def use_reader(self) -> AbstractAsyncContextManager[Any]:
        """Return a connection for reads."""


class PostgresTx(Tx):
    """A transaction on one connection of the pool."""

    __slots__ = ("_connection", "_database")

    searches_newest_first = False
    changes_at_once = True

    def __init__(self, connection: Any, database: Source) -> None:
        super().__init__(database.reactions)
        self._connection = connection
        self._database = database

    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        self._database.statements += 1
        text, values = statement.for_postgres(parameters)
        return cast("list[Row]", await self._connection.fetch(text, *values))

    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        self._database.statements += 1
        if isinstance(statement, Together):
            [rows] = await run_batch(self._connection, statement, [parameters])
            return rows[0] if rows else None
        text, values = statement.for_postgres(parameters)
        return cast("Row | None", await self._connection.fetchrow(text, *values))

    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        self._database.statements += 1
        text, values = statement.for_postgres(parameters)
        return changed_by(await self._connection.execute(text, *values))

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


class PostgresReadTx(PostgresTx):
    """Reads, each with what is stored when it begins. They use a connection once one needs it."""

    __slots__ = ("_stack",)

    def __init__(self, database: Source, stack: contextlib.AsyncExitStack) -> None:
        super().__init__(None, database)
        self._stack = stack

    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        if self._shares(statement):
            return await self._database.shared_reads.ask(statement, parameters)
        await self._connect()
        return await super().all(statement, **parameters)

    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        if self._shares(statement):
            rows = await self._database.shared_reads.ask(statement, parameters)
            return rows[0] if rows else None
        await self._connect()
        return await super().one(statement, **parameters)

    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        await self._connect()
        return await super().run(statement, **parameters)

    def _shares(self, statement: Statement) -> bool:
        """Return True if other requests may share the statement.

        A read that has a connection uses that one. If it waited for others meanwhile, and they for a connection, all
        would wait.
        """
        return statement.together and self._connection is None

    async def _connect(self) -> None:
        if self._connection is None:
            self._connection = await self._stack.enter_async_context(self._database.use_reader())
