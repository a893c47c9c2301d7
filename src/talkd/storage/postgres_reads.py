"""Reads of PostgreSQL: a connection only when it is needed, and one statement for requests that ask the same.

Most requests begin with the same statement, which finds the caller in a room. Those that arrive while it runs for
others share its next run (`postgres_batches.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from talkd.storage.database import Row
from talkd.storage.postgres_batches import Parameters, run_batch
from talkd.storage.postgres_errors import LOST
from talkd.storage.statements import Statement

AT_ONCE = 2
"""How many runs of the same statement may be under way."""
LIMIT = 100
"""Maximum number of requests that share a run."""

UseReader = Callable[[], AbstractAsyncContextManager[Any]]


@dataclass(slots=True)
class _Asked:
    """A request that waits for the rows of a statement."""

    parameters: Parameters
    rows: "asyncio.Future[list[Row]]"


class SharedReads:
    """The statements that run for several requests together. `count` is called for each run."""

    def __init__(self, use_reader: UseReader, count: Callable[[], None]) -> None:
        self._use_reader = use_reader
        self._count = count
        self._waiting: dict[Statement, list[_Asked]] = {}
        self._running: dict[Statement, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, statement: Statement, parameters: Parameters) -> Awaitable[list[Row]]:
        """Return the rows of a statement. Raises what the database raises."""
        loop = asyncio.get_running_loop()
        asked = _Asked(parameters, loop.create_future())
        waiting = self._waiting.get(statement)
        if waiting is None:
            self._waiting[statement] = [asked]
            loop.call_soon(self._start, statement)  # after the other requests of this moment
        else:
            waiting.append(asked)
        return asked.rows

    def _start(self, statement: Statement) -> None:
        while self._running.get(statement, 0) < AT_ONCE and (waiting := self._waiting.pop(statement, None)):
            those, left = waiting[:LIMIT], waiting[LIMIT:]
            if left:
                self._waiting[statement] = left
            self._running[statement] = self._running.get(statement, 0) + 1
            task = asyncio.ensure_future(self._run(statement, those))
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._end(statement, done))

    def _end(self, statement: Statement, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._running[statement] -= 1
        self._start(statement)

    async def _run(self, statement: Statement, those: list[_Asked]) -> None:
        try:
            async with self._use_reader() as connection:
                found = await self._fetch(connection, statement, [asked.parameters for asked in those])
        except Exception as error:
            if len(those) == 1 or (isinstance(error, LOST) and not isinstance(error, ValueError)):  # for all of them
                for asked in those:
                    _answer(asked, error)
            else:
                for asked in those:  # the parameters of one may be wrong
                    await self._run(statement, [asked])
            return
        for asked, rows in zip(those, found, strict=True):
            _answer(asked, rows)

    async def _fetch(self, connection: Any, statement: Statement, many: list[Parameters]) -> list[list[Row]]:
        self._count()
        if len(many) > 1:
            return await run_batch(connection, statement, many)
        text, values = statement.for_postgres(many[0])
        return [await connection.fetch(text, *values)]


def _answer(asked: _Asked, rows: list[Row] | Exception) -> None:
    if asked.rows.done():  # the client has hung up
        return
    if isinstance(rows, Exception):
        asked.rows.set_exception(rows)
    else:
        asked.rows.set_result(rows)
