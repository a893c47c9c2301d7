"""Filling a PostgreSQL database."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import asyncpg

from talkd.backups.checksums import Values
from talkd.backups.model import Table
from talkd.backups.postgres_source import PostgresSource, connect
from talkd.backups.progress import Progress
from talkd.backups.source import STATE, list_names, require_empty
from talkd.backups.target import DEFERRED, Target
from talkd.storage.migrate import COPYING, REVISIONS, run_migrations, upgrade

_INDEXES = """
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid), indexrelid::regclass::text
    FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY($1::text[])
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
"""
_RULES = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid)),
    format('%s.%s', conrelid::regclass, conname)
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE relnamespace = current_schema()::regnamespace AND relname = ANY($1::text[]) AND contype = 'f'
"""
_FUNCTIONS = """
    SELECT format('DROP FUNCTION %s CASCADE', oid::regprocedure) FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace
    AND proname IN ('search_grams', 'search_fold', 'search_query')
"""
_UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.UntranslatableCharacterError)
ADVICE = "give talkd a new, empty database (CREATE DATABASE)"


class PostgresTarget(Target):
    """A connection to a database that no server uses."""

    def __init__(self, connection: Any, engine_connection: Any) -> None:
        self._connection, self._engine_connection = connection, engine_connection
        self.source = PostgresSource(connection)

    @contextlib.asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            yield

    async def create(self, revision: str, state: Mapping[str, str]) -> None:
        async with self.step():
            await self._drop_empty_tables()
            async with self._engine_connection.begin():
                await self._engine_connection.run_sync(run_migrations, revision)
            await self._connection.execute(f"CREATE TABLE {STATE} (key text PRIMARY KEY, value text NOT NULL)")
            for key, value in state.items():
                await self.set_state(key, value)
            tables = await self.source.list_tables(revision)
            names = [table.name for table in tables]
            for query, order in ((_RULES, 2), (_INDEXES, 1)):
                for drop, add, name in await self._connection.fetch(query, names):
                    await self._connection.execute(drop)
                    await self.set_state(f"{DEFERRED}{order}:{name}", add)
            for name in names:
                await self._connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - migrations may add rows
            await self._connection.execute("UPDATE alembic_version SET version_num = $1", COPYING)

    async def _drop_empty_tables(self) -> None:
        known = {*list_names(REVISIONS[-1]), "alembic_version"}
        found = await self._connection.fetch(
            "SELECT format('%I', tablename) FROM pg_tables "
            "WHERE schemaname = current_schema() AND tablename = ANY($1::text[])",
            sorted(known),
        )
        if found:
            await self._connection.execute(f"DROP TABLE {', '.join(row[0] for row in found)} CASCADE")
        for row in await self._connection.fetch(_FUNCTIONS):
            await self._connection.execute(row[0])

    async def load(self, table: Table, rows: Sequence[Values]) -> None:
        try:
            await self._connection.copy_records_to_table(table.name, records=rows, columns=table.names)
        except _UNSTORABLE as error:
            raise ValueError(str(error).partition("\n")[0]) from error

    async def set_counters(self, counters: Mapping[str, int]) -> None:
        for name in await self.source.get_counters():
            used = await self._connection.fetchval(f'SELECT coalesce(max(id), 0) FROM "{name}"')  # noqa: S608
            last = max(int(used), counters.get(name, 0))
            if last:
                await self._connection.execute(
                    "SELECT setval(pg_get_serial_sequence(format('%I', $1::text), 'id'), $2)", name, last
                )

    async def has_state(self) -> bool:
        return await self.source.get_value(f"SELECT to_regclass('{STATE}')::text") is not None

    async def set_state(self, key: str, value: str) -> None:
        await self._connection.execute(
            f"INSERT INTO {STATE} (key, value) VALUES ($1, $2) "  # noqa: S608 - fixed
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )

    async def list_state(self, prefix: str) -> dict[str, str]:
        rows = await self._connection.fetch(
            f"SELECT key, value FROM {STATE} WHERE starts_with(key, $1) ORDER BY key",  # noqa: S608 - fixed
            prefix,
        )
        return {str(key): str(text) for key, text in rows}

    async def run_deferred(self, key: str, text: str) -> None:
        try:
            await self._connection.execute(text)
        except _UNSTORABLE as error:
            raise ValueError(str(error).partition("\n")[0]) from error
        await self._connection.execute(f"DELETE FROM {STATE} WHERE key = $1", key)  # noqa: S608 - fixed

    async def publish(self, revision: str, progress: Progress) -> None:
        async with self.step():
            await self._connection.execute("SET LOCAL synchronous_commit = on")
            with progress.begin("Statistics", 1) as advance:
                names = [table.name for table in await self.source.list_tables(revision)]
                await self._connection.execute(f"ANALYZE {', '.join(names)}")
                advance(1)
            await self._connection.execute("UPDATE alembic_version SET version_num = $1", revision)
            await self._connection.execute(f"DROP TABLE {STATE}")
            async with self._engine_connection.begin():
                await self._engine_connection.run_sync(upgrade)


@contextlib.asynccontextmanager
async def filled_postgres(url: str, *, may_continue: bool) -> AsyncIterator[PostgresTarget]:
    """Fill a database. Raises PlaceRefused if it has data. `may_continue` is as for SQLite."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, url))
    try:
        async with engine.connect() as engine_connection:
            raw = await engine_connection.get_raw_connection()
            connection: Any = raw.driver_connection
            await connection.execute("SET maintenance_work_mem = '256MB'")
            await connection.execute("SET synchronous_commit = off")
            target = PostgresTarget(connection, engine_connection)
            async with connection.transaction():
                if not (may_continue and await target.source.get_revision() == COPYING):
                    await require_empty(target.source, ADVICE)
            if may_continue:
                yield target
            else:
                async with connection.transaction():
                    yield target
    finally:
        await engine.dispose()
