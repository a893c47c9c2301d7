"""SQLite: one writer with group commit, snapshot readers.

Transactions that wait at the same moment share one commit, each inside its own savepoint, so that one
failing does not undo its neighbours. Statements run on the event loop (they take microseconds), the
commit with its fsync runs in a thread; meanwhile the next group gathers.
"""

import asyncio
import json
import sqlite3
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

from talkd.storage.database import Database, Row, Tx, Work
from talkd.storage.migrate import migrate_sqlite
from talkd.storage.statements import Statement

T = TypeVar("T")

GROUP_LIMIT = 512
"""Transactions in one commit at most, so that nobody waits long for his neighbours."""


class SqliteTx(Tx):
    """A transaction on one connection; none of its methods ever suspends."""

    __slots__ = ("_connection", "_database")

    def __init__(self, connection: sqlite3.Connection, database: "SqliteDatabase") -> None:
        super().__init__(database.in_transaction)
        self._connection = connection
        self._database = database

    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        self._database.statements += 1
        return self._connection.execute(*statement.for_sqlite(parameters)).fetchall()

    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        self._database.statements += 1
        return cast("Row | None", self._connection.execute(*statement.for_sqlite(parameters)).fetchone())

    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        self._database.statements += 1
        return self._connection.execute(*statement.for_sqlite(parameters)).rowcount

    @staticmethod
    def many(values: Sequence[Any]) -> Any:
        return json.dumps(list(values))


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _run_through(work: Coroutine[Any, Any, T]) -> T:
    """Drive a transaction function to its end, which it reaches without being suspended."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise RuntimeError("a transaction function awaited something other than its transaction")


class SqliteDatabase(Database):
    """The embedded default: one file, one process."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        super().__init__()
        self._path = path
        self._durable = durable
        self._queue: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(migrate_sqlite, self._path)
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._writer = self._connect()
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=1024)
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if self._durable else 'OFF'}",
            "foreign_keys = ON",
            "busy_timeout = 5000",
            "cache_size = -65536",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows only ASCII: "Ö" would never be found by "ö".
        connection.create_function("lower", 1, _lower, deterministic=True)
        return connection

    async def close(self) -> None:
        await self._idle.wait()
        self._committer.shutdown()
        self._reader.close()
        self._writer.close()

    async def read(self, work: Work[T]) -> T:
        # `_run_through` never suspends, so nobody else can use the connection in between.
        self._reader.execute("BEGIN")
        try:
            return _run_through(cast("Coroutine[Any, Any, T]", work(SqliteTx(self._reader, self))))
        finally:
            self._reader.execute("COMMIT")

    async def write(self, work: Work[T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._queue.append((work, answer))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            loop.call_soon(self._start_group)
        return await answer

    def _start_group(self) -> None:
        group, self._queue = self._queue[:GROUP_LIMIT], self._queue[GROUP_LIMIT:]
        done: list[tuple[asyncio.Future[Any], Any, list[Any]]] = []
        writer = self._writer
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._finish_group([(answer, error, []) for _, answer in group])
            return
        for work, answer in group:
            if answer.cancelled():
                continue
            tx = SqliteTx(writer, self)
            writer.execute("SAVEPOINT work")
            try:
                result = _run_through(cast("Coroutine[Any, Any, Any]", work(tx)))
            except Exception as error:
                writer.execute("ROLLBACK TO work")
                writer.execute("RELEASE work")
                answer.set_exception(error)
            else:
                writer.execute("RELEASE work")
                done.append((answer, result, tx.events))
        loop = asyncio.get_running_loop()
        if not done:
            writer.execute("ROLLBACK")
            self._finish_group([])
            return
        commit = loop.run_in_executor(self._committer, writer.execute, "COMMIT")
        commit.add_done_callback(lambda outcome: self._finish_commit(outcome, done))

    def _finish_commit(
        self,
        outcome: asyncio.Future[sqlite3.Cursor],
        done: list[tuple[asyncio.Future[Any], Any, list[Any]]],
    ) -> None:
        error = outcome.exception()
        if error is not None:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            done = [(answer, error, []) for answer, _, _ in done]
        self._finish_group(done)

    def _finish_group(self, done: list[tuple[asyncio.Future[Any], Any, list[Any]]]) -> None:
        events: list[Any] = []
        for answer, result, emitted in done:
            events += emitted
            if answer.cancelled():
                continue
            if isinstance(result, BaseException):
                answer.set_exception(result)
            else:
                answer.set_result(result)
        self.announce(events)
        if self._queue:
            asyncio.get_running_loop().call_soon(self._start_group)
        else:
            self._busy = False
            self._idle.set()
