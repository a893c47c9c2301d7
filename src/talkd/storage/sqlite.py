"""SQLite, by the driver APSW: one writer with group commit, and readers that see snapshots.

Write transactions that wait at the same time share one commit. Each has its own savepoint, so that a failed one does
not undo the others. Statements run on the event loop, because they take microseconds. The commit with its fsync runs in
a thread; in the meantime, the next group of transactions is queued.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw
import msgspec

from talkd.core.log import Log
from talkd.core.search import searchable
from talkd.storage import numbering, sqlite_search
from talkd.storage import sqlite_files as files
from talkd.storage import sqlite_generation as generation
from talkd.storage.availability import Kind
from talkd.storage.database import Database, Row, Tx, Work
from talkd.storage.migrate import migrate_sqlite
from talkd.storage.sqlite_committer import Committer
from talkd.storage.statements import Statement

T = TypeVar("T")

GROUP_LIMIT = 512
"""Maximum number of transactions in one commit. It limits how long each waits for the others."""
RETRY_SECONDS = 0.02
"""While another process writes, try again after this time."""
PATIENCE_SECONDS = 5.0
"""Stop trying after this time."""
READ_MILLISECONDS = 100
"""Maximum time that a read waits for SQLite's locks. The whole server waits with it."""

_CORRUPT = (apsw.CorruptError, apsw.NotADBError)
_UNUSABLE = (
    OSError,
    *_CORRUPT,
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.ConnectionClosedError,
    apsw.FullError,
    apsw.IOError,
    apsw.LockedError,
    apsw.NoMemError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.ReadOnlyError,
)
"""Exceptions that mean that the file cannot be used, not that the statement is wrong."""

log = Log(__name__)


@dataclass(slots=True, eq=False)
class _Queued:
    """A transaction that waits to run, and the future for its result."""

    work: Work[Any]
    answer: asyncio.Future[Any]
    runs_alone: bool = False
    """True if another transaction caused its rollback. It runs again, alone in a group."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A transaction that has run and waits for the commit."""

    queued: _Queued
    result: Any
    events: list[Any]


class _GroupLost(Exception):
    """SQLite has rolled back the whole group."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class _Displaced(OSError):
    """The open files are not those that the next start would open."""


class SqliteTx(Tx):
    """A transaction on one connection. Its methods never suspend."""

    __slots__ = ("_connection", "_database")

    searches_newest_first = True
    changes_at_once = False

    def __init__(self, connection: apsw.Connection, database: "SqliteDatabase") -> None:
        super().__init__(database.reactions)
        self._connection = connection
        self._database = database

    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        self._database.statements += 1
        return cast("list[Row]", self._connection.execute(*statement.for_sqlite(parameters)).fetchall())

    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        self._database.statements += 1
        return cast("Row | None", self._connection.execute(*statement.for_sqlite(parameters)).fetchone())

    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        self._database.statements += 1
        self._connection.execute(*statement.for_sqlite(parameters))
        return self._connection.changes()

    async def lock(self, statement: Statement, /, **parameters: Any) -> None:
        """Do nothing: there is only one writer."""

    async def lock_name(self, name: str) -> None:
        """Do nothing: there is only one writer."""

    async def can_lock_name(self, name: str) -> bool:  # noqa: ARG002 - there is only one writer
        return True

    @staticmethod
    def many(values: Sequence[Any]) -> Any:
        return msgspec.json.encode(list(values)).decode()


def _searchable(value: Any) -> Any:
    return searchable(value) if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _run_through(work: Coroutine[Any, Any, T]) -> T:
    """Run a transaction function, which never suspends, and return its result."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise RuntimeError("a transaction function awaited something other than its transaction")


class SqliteDatabase(Database):
    """The default database: one file, used by one process."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        super().__init__()
        self.suspends = False
        self._path = path
        self._durable = durable
        self._queue: list[_Queued] = []
        self._busy = False
        self._patience = PATIENCE_SECONDS
        self._idle = asyncio.Event()
        self._idle.set()
        self._displaced = ""
        self._corrupt = ""
        self._overwritten = ""

    async def open(self, *, patience: float = 0) -> None:  # noqa: ARG002 - a file needs no waiting
        # Kept, because in Python 3.11 each `get_running_loop` is a system call.
        self._loop = asyncio.get_running_loop()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(migrate_sqlite, self._path)
        files.make_private(self._path)
        self._committer = Committer(self._commit)
        self._writer = self._connect()
        self._writer.execute("PRAGMA busy_timeout = 0")
        self._reader = self._connect()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._aside_reader = self._connect()
        for reader in (self._reader, self._aside_reader):
            reader.execute("PRAGMA query_only = ON")
        self._reader.execute(f"PRAGMA busy_timeout = {READ_MILLISECONDS}")
        self._footprint = files.Footprint(self._path)
        found = generation.get(self._reader)
        self._written = generation.Written(known=found, tried=found)

    async def claim(self, process: int = 0) -> None:
        """Do nothing: the lock file in the data folder reserves the database (`cli/data_folder.py`)."""

    @property
    def leads(self) -> bool:
        return True

    async def list_serving(self) -> set[int]:
        return set()

    async def watch(self) -> None:
        self._note_displaced(self._footprint.find_displaced())
        if self.damage:
            return
        self._overwritten = self._written.find_overwritten(self._reader, self._path)
        if self._overwritten:
            log.error("database_overwritten", reason=self._overwritten, advice="stop talkd and restore a backup")

    def _note_displaced(self, found: str) -> None:
        if found and not self._displaced:
            log.error("database_displaced", reason=found, advice="put it back, or stop talkd and restore a backup")
        elif self._displaced and not found:
            log.info("database_in_place_again")
        self._displaced = found

    @property
    def damage(self) -> str:
        return self._displaced or self._overwritten or self._corrupt

    async def skip_ids(self, *, after: int = 0) -> None:
        await self.write(lambda tx: numbering.skip(tx, numbering.SQLITE, after=after))

    async def get_size(self) -> int:
        taken = 0
        for file in (self._path, files.log_of(self._path)):
            with contextlib.suppress(FileNotFoundError):
                taken += file.stat().st_size
        return taken

    async def note_ids(self) -> None:
        try:
            base = await asyncio.to_thread(self._number_on_disk)
        except (apsw.Error, OSError) as error:
            self._raise_unavailable("write", error)
            raise

        async def work(tx: Tx) -> generation.Generation:
            await numbering.note(tx, numbering.SQLITE)
            tried = generation.advance(self._writer, base)
            self._written = generation.Written(known=self._written.known, tried=tried)
            return tried

        known = await self.write(work)
        self._written = generation.Written(known=known, tried=known)

    def _number_on_disk(self) -> int:
        """Return the generation number of the file, after syncing it to disk if it has changed. Runs in a thread."""
        number = generation.number_of_file(self._path)
        if number != self._written.known.base:
            self._footprint.sync()
        return number

    def _connect(self) -> apsw.Connection:
        # NOMUTEX: no connection is used by two threads at once, and SQLite's mutexes would cost a third of the speed.
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_NOMUTEX
        connection = apsw.Connection(str(self._path), flags=flags, statementcachesize=512)
        # Otherwise SQLite would plan a statement again for other parameters, which takes five times as long.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        for pragma in (
            "busy_timeout = 5000",
            "journal_mode = WAL",
            f"synchronous = {'FULL' if self._durable else 'OFF'}",
            "foreign_keys = ON",
            "cache_size = -65536",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own function knows only ASCII: a search for "ö" would not find "Ö".
        connection.create_scalar_function("lower", _lower, 1, deterministic=True)  # type: ignore[arg-type]
        connection.create_scalar_function("search_fold", _searchable, 1, deterministic=True)  # type: ignore[arg-type]
        sqlite_search.add_functions(connection)
        return connection

    async def close(self) -> None:
        await self._idle.wait()
        self.availability.flush()
        self._committer.stop()
        self._aside.shutdown()
        for connection in (self._aside_reader, self._reader, self._writer):
            if self._has_foreign_file():  # the last connection would write the log into that file
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.close()
        self._footprint.close()

    def _has_foreign_file(self) -> bool:
        try:
            return bool(self._overwritten) and not self._written.is_own_file(self._path)
        except apsw.Error:
            return True

    async def read(self, work: Work[T]) -> T:
        # This never suspends, so no other task can use the connection at the same time.
        try:
            return self._read(self._reader, work)
        except (apsw.Error, OSError) as error:
            self._raise_unavailable("read", error)
            raise

    async def read_aside(self, work: Work[T]) -> T:
        try:
            return await self._loop.run_in_executor(self._aside, self._read, self._aside_reader, work)
        except (apsw.Error, OSError) as error:
            self._raise_unavailable("read", error)
            raise

    def _raise_unavailable(self, kind: Kind, error: Exception) -> None:
        """Raises Unavailable if the error means that the files cannot be used. Other errors are bugs of talkd."""
        if isinstance(error, apsw.ConstraintError):
            return
        found = self._footprint.find_displaced()
        if found:  # an emptied file causes errors about missing tables
            self._note_displaced(found)
        elif not isinstance(error, _UNUSABLE):
            return
        elif isinstance(error, _CORRUPT) and not self._corrupt:
            self._corrupt = str(error)
            log.error("database_corrupt", reason=self._corrupt, advice="stop talkd and restore a backup")
        raise self.availability.note(kind, error) from error

    def _read(self, connection: apsw.Connection, work: Work[T]) -> T:
        connection.execute("BEGIN")
        try:
            return _run_through(cast("Coroutine[Any, Any, T]", work(SqliteTx(connection, self))))
        finally:
            if connection.in_transaction:  # some errors end the transaction
                connection.execute("COMMIT")

    async def catch_up(self) -> None:
        if await self.read(sqlite_search.is_behind):
            while await self.write(sqlite_search.index_messages):
                pass  # between two writes, other tasks can run

    async def write(
        self,
        work: Work[T],
        *,
        queue: str = "",  # noqa: ARG002 - there is one writer
        is_brief: bool = False,  # noqa: ARG002 - all writes share commits
    ) -> T:
        answer: asyncio.Future[T] = self._loop.create_future()
        self._queue.append(_Queued(work, answer))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._start_group)
        try:
            return await answer
        except (apsw.Error, OSError) as error:
            self._raise_unavailable("write", error)
            raise

    def _take_group(self) -> list[_Queued]:
        size = 1 if self._queue[0].runs_alone else GROUP_LIMIT
        group, self._queue = self._queue[:size], self._queue[size:]
        return group

    def _start_group(self) -> None:
        group = self._take_group()
        try:
            if self._overwritten:
                raise _Displaced(self._overwritten)
            if self._displaced and (found := self._footprint.find_displaced()):
                raise _Displaced(found)
            self._writer.execute("BEGIN IMMEDIATE")
        except (apsw.Error, _Displaced) as error:
            if isinstance(error, apsw.BusyError) and self._patience > 0:
                # Another process, such as a command, is writing: try again soon.
                self._patience -= RETRY_SECONDS
                self._queue[:0] = group
                self._loop.call_later(RETRY_SECONDS, self._start_group)
                return
            self._fail(group, error)
            self._finish_group([])
            return
        self._patience = PATIENCE_SECONDS
        done: list[_Done] = []
        for position, queued in enumerate(group):
            if queued.answer.cancelled():
                continue
            try:
                done.append(self._run(queued))
            except _GroupLost as lost:
                self._fail([queued], lost.reason)
                self._run_again([each.queued for each in done] + group[position + 1 :], lost.reason)
                done = []
                break
            except Exception as error:
                queued.answer.set_exception(error)
        if not done:
            self._end_transaction("ROLLBACK")
            self._finish_group([])
            return
        self._committer.commit(lambda error: self._finish_commit(error, done))

    def _commit(self) -> None:
        """Commit, in a thread. Raises _Displaced if the data went into files that the next start would not open."""
        self._writer.execute("COMMIT")
        found = self._footprint.find_displaced()
        if found:
            raise _Displaced(found)

    def _run(self, queued: _Queued) -> _Done:
        """Run one transaction of a group. If it fails, roll it back and raise its exception.

        Raises _GroupLost if SQLite rolled back the whole group.
        """
        writer = self._writer
        tx = SqliteTx(writer, self)
        try:
            writer.execute("SAVEPOINT work")
            result = _run_through(cast("Coroutine[Any, Any, Any]", queued.work(tx)))
            writer.execute("RELEASE work")
        except Exception as error:
            if not writer.in_transaction:  # a full disk, for example, ends the whole transaction
                raise _GroupLost(error) from error
            try:
                writer.execute("ROLLBACK TO work")
                writer.execute("RELEASE work")
            except apsw.Error as broken:
                self._end_transaction("ROLLBACK")
                raise _GroupLost(broken) from broken
            raise
        return _Done(queued, result, tx.events)

    def _end_transaction(self, how: str) -> None:
        if self._writer.in_transaction:
            try:
                self._writer.execute(how)
            except apsw.Error:
                log.exception("transaction_not_ended")

    @staticmethod
    def _fail(group: list[_Queued], error: Exception) -> None:
        for queued in group:
            if not queued.answer.done():
                queued.answer.set_exception(error)

    def _run_again(self, undone: list[_Queued], error: Exception) -> None:
        """Run each transaction again, alone: one that was too large for the disk must not fail the others."""
        self._fail([queued for queued in undone if queued.runs_alone], error)
        again = [queued for queued in undone if not queued.runs_alone]
        for queued in again:
            queued.runs_alone = True
        self._queue[:0] = again

    def _finish_commit(self, error: Exception | None, done: list[_Done]) -> None:
        if isinstance(error, _Displaced):
            self._fail([each.queued for each in done], error)
            done = []
        elif error is not None:
            self._end_transaction("ROLLBACK")
            self._run_again([each.queued for each in done], error)
            done = []
        self._finish_group(done)

    def _finish_group(self, done: list[_Done]) -> None:
        events: list[Any] = []
        for each in done:
            events += each.events
            if not each.queued.answer.done():
                each.queued.answer.set_result(each.result)
        self.announce(events)
        if self._queue:
            self._loop.call_soon(self._start_group)
        else:
            self._busy = False
            self._idle.set()
