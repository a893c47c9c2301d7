"""Reading SQLite at one moment."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import apsw

from talkd.backups.checksums import Values
from talkd.backups.model import Kind, PlaceRefused, Table
from talkd.backups.source import NO_DATA, Found, Source
from talkd.storage import sqlite_files as files
from talkd.storage import sqlite_generation as generation

BUSY_MILLISECONDS = 60_000
"""How long this waits for a process that writes."""


class SqliteSource(Source):
    """A transaction of a connection to a file."""

    engine = "sqlite"
    kinds = {"INTEGER": Kind.NUMBER, "BIGINT": Kind.NUMBER, "TEXT": Kind.TEXT, "BLOB": Kind.BYTES}

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def get_revision(self) -> str | None:
        if await self.get_value("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'") is None:
            return None
        revision: str | None = await self.get_value("SELECT version_num FROM alembic_version")
        return revision

    async def list_columns(self) -> list[Found]:
        rows = self._connection.execute(
            'SELECT t.name, c.name, c.type, NOT (c."notnull" OR c.pk) FROM sqlite_master AS t, '
            "pragma_table_info(t.name) AS c WHERE t.type = 'table'"
        )
        return [Found(*row) for row in rows if row[0] not in NO_DATA]

    async def get_key(self, table: Table) -> tuple[str, ...]:
        rows = self._connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table.name,))
        return tuple(str(row[0]) for row in rows)

    async def get_counters(self) -> dict[str, int]:
        rows = self._connection.execute(
            "SELECT t.name, coalesce((SELECT max(seq) FROM sqlite_sequence AS s WHERE s.name = t.name), 0) "
            "FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND c.name = 'id' "
            "AND c.type = 'INTEGER' AND c.pk = 1 AND t.sql LIKE '%AUTOINCREMENT%'"
        )
        return {str(table): int(last) for table, last in rows}

    async def select(self, text: str, values: Sequence[Any], size: int) -> AsyncGenerator[list[Values], None]:
        cursor = self._connection.cursor()
        try:
            rows = cursor.execute(text, tuple(values))
            while batch := list(islice(rows, size)):
                yield batch
        finally:
            cursor.close(True)  # also if not all rows were read


@contextlib.asynccontextmanager
async def opened_sqlite(path: Path, *, keeps_writers_out: bool) -> AsyncIterator[SqliteSource]:
    """Read a file as it is now. Raises PlaceRefused, DatabaseRefused.

    `keeps_writers_out`: whether other processes, which may go on reading, must wait to write.
    """
    require_file(path)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        generation.require_own_log(connection, path)
        connection.execute("BEGIN IMMEDIATE" if keeps_writers_out else "BEGIN")
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # this takes the snapshot
        yield SqliteSource(connection)
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def require_file(path: Path) -> None:
    """Raises PlaceRefused if there is no database, and DatabaseRefused for a part of one."""
    files.require_complete(path)
    if not path.exists():
        raise PlaceRefused(f"there is no database {path}: check the data folder")
