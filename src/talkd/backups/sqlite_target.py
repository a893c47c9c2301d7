"""Filling a SQLite file. It gets its name when it is complete."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import apsw

from talkd.backups.checksums import Values
from talkd.backups.model import PlaceRefused, Table
from talkd.backups.progress import Progress
from talkd.backups.source import STATE, require_empty
from talkd.backups.sqlite_source import SqliteSource, opened_sqlite
from talkd.backups.sqlite_tables import create_tables
from talkd.backups.target import DEFERRED, ORIGIN, Target
from talkd.storage import sqlite_files as files
from talkd.storage import sqlite_generation as generation
from talkd.storage import sqlite_search
from talkd.storage.migrate import REVISIONS, upgrade_file

_INDEXED_AT_ONCE = 20_000
_CREATE_STATE = f"CREATE TABLE {STATE} (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT"
_SET_STATE = f"INSERT OR REPLACE INTO {STATE} (key, value) VALUES (?, ?)"  # noqa: S608 - fixed
_LIST_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"


class SqliteTarget(Target):
    """A file that belongs to nobody else."""

    def __init__(self, path: Path, pragmas: Sequence[str]) -> None:
        self._path, self._pragmas = path, pragmas
        self._inserts: dict[str, str] = {}
        self._open()

    def _open(self) -> None:
        self._connection = apsw.Connection(str(files.filling_of(self._path)), flags=apsw.SQLITE_OPEN_READWRITE)
        for pragma in self._pragmas:
            self._connection.execute(f"PRAGMA {pragma}")
        self.source = SqliteSource(self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    async def _run_closed(self, work: Callable[[], None]) -> None:
        """Run work that opens the file with Python's own SQLite.

        It is another library than that of APSW. If both had the file open, each would release the locks of the other.
        """
        self._connection.close()
        await asyncio.to_thread(work)
        self._open()

    @contextlib.asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk ends it
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    async def create(self, revision: str, state: Mapping[str, str]) -> None:
        await self._run_closed(partial(create_tables, files.filling_of(self._path), revision))
        async with self.step():
            found = self._connection.execute(_LIST_INDEXES).fetchall()
            self._connection.execute(_CREATE_STATE)
            for key, value in state.items():
                await self.set_state(key, value)
            for name, text in found:
                await self.set_state(f"{DEFERRED}{name}", str(text))
                self._connection.execute(f'DROP INDEX "{name}"')
            for table in await self.source.list_tables(revision):
                self._connection.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - migrations may add rows

    async def load(self, table: Table, rows: Sequence[Values]) -> None:
        text = self._inserts.get(table.name)
        if text is None:
            names = ", ".join(f'"{name}"' for name in table.names)
            places = ", ".join("?" * len(table.names))
            text = f'INSERT INTO "{table.name}" ({names}) VALUES ({places})'  # noqa: S608 - names of talkd
            self._inserts[table.name] = text
        try:
            self._connection.executemany(text, rows)
        except apsw.ConstraintError as error:
            raise ValueError(str(error)) from error

    async def set_counters(self, counters: Mapping[str, int]) -> None:
        for name in await self.source.get_counters():
            used = self._connection.execute(f'SELECT coalesce(max(id), 0) FROM "{name}"').get  # noqa: S608
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            last = max(int(used), counters.get(name, 0))
            if last:
                self._connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))

    async def has_state(self) -> bool:
        return await self.source.get_value("SELECT 1 FROM sqlite_master WHERE name = ?", STATE) is not None

    async def set_state(self, key: str, value: str) -> None:
        self._connection.execute(_SET_STATE, (key, value))

    async def list_state(self, prefix: str) -> dict[str, str]:
        rows = self._connection.execute(f"SELECT key, value FROM {STATE} ORDER BY key")  # noqa: S608 - fixed
        return {str(key): str(value) for key, value in rows if key.startswith(prefix)}

    async def run_deferred(self, key: str, text: str) -> None:
        try:
            await asyncio.to_thread(self._connection.execute, text)
        except apsw.ConstraintError as error:
            raise ValueError(str(error)) from error
        self._connection.execute(f"DELETE FROM {STATE} WHERE key = ?", (key,))  # noqa: S608 - fixed

    async def publish(self, revision: str, progress: Progress) -> None:
        broken = self._connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken is not None:
            raise ValueError(f"a row of {broken[0]} belongs to a row of {broken[2]} that is not there")
        filling = files.filling_of(self._path)
        if revision != REVISIONS[-1]:
            await self._run_closed(partial(upgrade_file, filling))
        self._index_messages(progress)
        self._connection.execute(f"DROP TABLE {STATE}")
        generation.begin(self._connection)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # closing would hide that the disk is full
        self._connection.close()
        if files.is_filled(files.log_of(filling)):
            raise PlaceRefused(f"another program uses {filling}: end it")
        await asyncio.to_thread(_write_through, filling)
        files.put_in_place(filling, self._path)

    def _index_messages(self, progress: Progress) -> None:
        number = int(self._connection.execute("SELECT count(*) FROM messages").get)
        with progress.begin("Search index", number) as advance:
            while True:
                self._connection.execute("BEGIN IMMEDIATE")
                done = sqlite_search.index_next(self._connection, _INDEXED_AT_ONCE)
                self._connection.execute("COMMIT")
                advance(done)
                if done < _INDEXED_AT_ONCE:
                    return


def _write_through(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def filled_sqlite(path: Path, *, may_continue: bool) -> AsyncIterator[SqliteTarget]:
    """Fill a file. Raises PlaceRefused if there is one with data, and DatabaseRefused.

    `may_continue`: whether to keep what an earlier run has stored, and what is stored when this one fails.
    """
    filling = files.filling_of(path)
    if _exists(path):
        await _require_empty(path)
    if not (may_continue and _has_state(filling)):
        _remove(filling)
        files.create_private(filling)
    durable = ("journal_mode = WAL", "synchronous = NORMAL")
    quick = ("journal_mode = MEMORY", "synchronous = OFF")
    shared = ("cache_size = -65536", "temp_store = MEMORY")
    target = SqliteTarget(path, (*(durable if may_continue else quick), *shared))
    is_complete = False
    try:
        yield target
        is_complete = True
    finally:
        target.close()
        if not (may_continue or is_complete):
            _remove(filling)


def _exists(path: Path) -> bool:
    """Return True if there is a database. Raises DatabaseRefused for a part of one, unless it is being filled."""
    if not files.filling_of(path).exists():
        files.require_complete(path)
    return path.exists()


def _has_state(path: Path) -> bool:
    """Return True if a copy has begun to fill the file. A restore is not continued."""
    if not path.exists():
        return False
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        try:
            return bool(connection.execute(f"SELECT count(*) FROM {STATE} WHERE key = '{ORIGIN}'").get)  # noqa: S608
        except apsw.SQLError:
            return False


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


async def _require_empty(path: Path) -> None:
    """Raises PlaceRefused if the database has data. If not, its log is in the file afterwards."""
    async with opened_sqlite(path, keeps_writers_out=False) as source:
        await require_empty(source, f"stop talkd, and move {path.name}, {path.name}-wal and {path.name}-shm away")
    if files.is_filled(files.log_of(path)):
        raise PlaceRefused(f"another program uses {path}: end it")
