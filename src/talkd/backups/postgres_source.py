"""Reading PostgreSQL at one moment."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import asyncpg

from talkd.backups.checksums import Values
from talkd.backups.model import Kind, Table
from talkd.backups.source import NO_DATA, Found, Source
from talkd.storage import postgres_hosts

CONNECT_SECONDS = 10.0
PATIENT = (
    "SET statement_timeout = 0",
    "SET lock_timeout = '60s'",
    "SET idle_in_transaction_session_timeout = 0",
)
"""Settings of the sessions: reading a large database takes long."""


class PostgresSource(Source):
    """A transaction of a connection."""

    engine = "postgresql"
    kinds = {
        "bigint": Kind.NUMBER,
        "integer": Kind.NUMBER,
        "text": Kind.TEXT,
        "character varying": Kind.TEXT,
        "bytea": Kind.BYTES,
    }

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def get_revision(self) -> str | None:
        if await self.get_value("SELECT to_regclass('alembic_version')::text") is None:
            return None
        revision: str | None = await self.get_value("SELECT version_num FROM alembic_version")
        return revision

    async def list_columns(self) -> list[Found]:
        rows = await self._connection.fetch(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES' "
            "FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) "
            "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        )
        return [Found(*row) for row in rows if row[0] not in NO_DATA]

    async def get_key(self, table: Table) -> tuple[str, ...]:
        rows = await self._connection.fetch(
            "SELECT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) "
            "WHERE indrelid = $1::text::regclass AND indisprimary ORDER BY array_position(indkey::int2[], attnum)",
            f'"{table.name}"',
        )
        return tuple(row[0] for row in rows)

    async def get_counters(self) -> dict[str, int]:
        rows = await self._connection.fetch(
            "SELECT tables.relname::text, coalesce(last_value, 0) FROM pg_sequences "
            "JOIN pg_depend ON objid = format('%I.%I', schemaname, sequencename)::regclass "
            "AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') "
            "JOIN pg_class AS tables ON tables.oid = refobjid WHERE schemaname = current_schema()"
        )
        return {str(table): int(last) for table, last in rows}

    async def select(self, text: str, values: Sequence[Any], size: int) -> AsyncGenerator[list[Values], None]:
        for number in range(1, len(values) + 1):
            text = text.replace("?", f"${number}", 1)
        # Rolled back, because only that closes the cursor, and a migration cannot change a table with an open one.
        part = self._connection.transaction()
        await part.start()
        try:
            cursor = await self._connection.cursor(text, *values)
            while rows := await cursor.fetch(size):
                yield [tuple(row) for row in rows]
        finally:
            await part.rollback()


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect for work that takes long."""
    connection: asyncpg.Connection[asyncpg.Record] = await postgres_hosts.connect(
        url, timeout=CONNECT_SECONDS, statement_cache_size=0, server_settings={"application_name": "talkd safekeeping"}
    )
    for setting in PATIENT:
        await connection.execute(setting)
    return connection


@contextlib.asynccontextmanager
async def opened_postgres(url: str, *, keeps_writers_out: bool) -> AsyncIterator[PostgresSource]:
    """Read a database as it is now. `keeps_writers_out` is as for SQLite."""
    connection = await connect(url)
    try:
        # PostgreSQL takes the snapshot with the first query, so after the locks.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            source = PostgresSource(connection)
            if keeps_writers_out:
                await _keep_writers_out(connection)
            await source.get_value("SELECT 1")
            yield source
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _keep_writers_out(connection: Any) -> None:
    """Lock all tables of the schema, until the transaction ends, for those who write."""
    rows = await connection.fetch("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = current_schema()")
    if rows:
        await connection.execute(f"LOCK TABLE {', '.join(row[0] for row in rows)} IN SHARE MODE")
