"""Backups, restores and copies of the databases of tests, and backups that were changed."""

import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa

from support.commands import run_talkd
from support.running import LoopThread
from talkd.backups.archive import ArchiveWriter
from talkd.backups.archive_reader import Archive, Contents, Rows
from talkd.backups.checksums import encode_rows
from talkd.backups.model import Head, Manifest
from talkd.cli.places import Place, place_of
from talkd.config import Config
from talkd.storage import file_schema
from talkd.storage.schema import Int, metadata

PAIRS = [(origin, goal) for origin in ("sqlite", "postgres") for goal in ("sqlite", "postgres")]
"""Every kind of database, and what it is moved to."""
TEXT = 'ä"\\\n\t👍\u2028'
"""A text with characters that forms of storing have to quote."""
SEVEN, SHORT = 7, b"\x00\xff"


def settings_of(config: Config) -> dict[str, str]:
    """Return the settings with which a command finds a database."""
    found = {"DATA": config.data, "DATABASE_URL": config.database.url, "FILES_STORAGE": config.files.storage}
    return {name: value for name, value in found.items() if value}


def run_on(config: Config, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `talkd WORDS` on a database, of which no server needs to run."""
    return run_talkd(*map(str, words), **settings_of(config))


def done(config: Config, *words: str | Path) -> str:
    """Run `talkd WORDS`, which must succeed, and return what it prints."""
    ended = run_on(config, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def url_of(config: Config) -> str:
    """Return what `talkd copy` takes for a database."""
    return config.database.url or f"sqlite://{config.data}"


def read_archive(path: Path) -> tuple[Head, Manifest, dict[str, list[tuple[Any, ...]]], dict[str, bytes]]:
    """Return everything in a backup: head and manifest, rows by table, and contents of files by key."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    files: dict[str, bytes] = {}
    with Archive(path) as archive:
        for part in archive.read(lambda _: None):
            match part:
                case Rows(table, found):
                    rows.setdefault(table.name, []).extend(found)
                case Contents(key, _, parts):
                    files[key] = b"".join(parts)
        return archive.head, archive.manifest, rows, files


def write_archive(
    path: Path, head: Head, rows: dict[str, list[tuple[Any, ...]]], files: dict[str, bytes] | None = None
) -> None:
    """Write a backup with a correct manifest, whatever is in it."""
    with path.open("w+b") as file:
        writer = ArchiveWriter(file, head)
        for table in head.tables:
            if rows.get(table.name):
                writer.add_rows(table, encode_rows(rows[table.name]))
        for key, content in (files or {}).items():
            writer.begin_file(key, len(content))
            writer.write(content)
            writer.end_file(len(content))
        writer.finish(deleted=0, lost=0)


def rewrite(path: Path, change: Callable[[Head, dict[str, list[tuple[Any, ...]]]], Head]) -> None:
    """Replace a backup by one with another head or other rows, and a correct manifest."""
    head, _, rows, files = read_archive(path)
    write_archive(path, change(head, rows), rows, files)


def with_schema(revision: str) -> Callable[[Head, Any], Head]:
    """Return a change of a backup's schema for `rewrite`."""
    return lambda head, _: msgspec.structs.replace(head, schema=revision)


class Tables:
    """The rows of a database that no server uses, read and written past talkd."""

    def __init__(self, loop: LoopThread, config: Config) -> None:
        self._loop, self._config = loop, config
        self._place: Place = place_of(config)

    def run(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        """Run statements, in which `?` stands for a value, without checking the rules between tables."""
        if not self._place.url:
            import apsw

            with closing(apsw.Connection(str(Path(self._config.data) / "talkd.db"))) as file, file:
                for text, values in statements:
                    file.execute(text, values)
            return

        async def work() -> None:
            connection = await asyncpg.connect(self._place.url)
            try:
                await connection.execute("SET session_replication_role = replica")
                async with connection.transaction():
                    for text, values in statements:
                        for number in range(1, len(values) + 1):
                            text = text.replace("?", f"${number}", 1)
                        await connection.execute(text, *values)
            finally:
                await connection.close()

        self._loop.run(work())

    def read(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of all tables, sorted, with their columns in the order of the names."""

        async def work() -> dict[str, list[tuple[Any, ...]]]:
            async with self._place.open_source() as source:
                tables = await source.list_tables(await source.require_revision())
                found: dict[str, list[tuple[Any, ...]]] = {}
                for table in tables:
                    found[table.name] = sorted([tuple(row) async for rows in source.read(table) for row in rows])
                return found

        return self._loop.run(work())

    def counters(self) -> dict[str, int]:
        """Return the last used id of each table."""

        async def work() -> dict[str, int]:
            async with self._place.open_source() as source:
                return await source.get_counters()

        return self._loop.run(work())


def fill_every_table(tables: Tables) -> None:
    """Store one row in each table, with a value in each column."""
    values = {sa.Text: TEXT, sa.LargeBinary: SHORT}
    assert file_schema.blobs.metadata is metadata
    statements: list[tuple[str, tuple[Any, ...]]] = []
    for table in metadata.sorted_tables:
        row = {column.name: values.get(type(column.type), SEVEN) for column in table.columns}
        assert all(type(column.type) in values or isinstance(column.type, type(Int)) for column in table.columns)
        names, places = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
        statements += [
            (f'DELETE FROM "{table.name}"', ()),
            (f'INSERT INTO "{table.name}" ({names}) VALUES ({places})', tuple(row.values())),
        ]
    tables.run(*statements)
