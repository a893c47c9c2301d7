"""Several short writes in one transaction of PostgreSQL, as group commit does on SQLite.

The writes that are waiting at the same moment share BEGIN, COMMIT and the write to the disk. Those of different queues
run in lockstep: when several of them ask for the same statement, it runs once for all of them (`postgres_batches.py`).
Those of the same queue run one after the other, in the order in which they came.

A group is an attempt. It waits for no locked row of a queue, and if a statement fails or a write that has changed
something raises, everything is rolled back, and each write of the group runs again in a transaction of its own.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, cast

from talkd.core.events import Event
from talkd.core.log import Log
from talkd.storage.database import Reaction, Row, Tx, Work
from talkd.storage.postgres_batches import Together, changed_by, run_batch
from talkd.storage.statements import Statement

LIMIT = 64
"""Maximum number of writes in one group."""
AT_ONCE = 2
"""Maximum number of groups that run at the same time: while one commits, another can work."""
PATIENCE = "SET LOCAL lock_timeout = '300ms'"
"""A group gives up soon, because its writes do not depend on each other."""

T = TypeVar("T")
log = Log(__name__)


class Owner(Protocol):
    """The database, as its groups use it."""

    statements: int
    reactions: dict[type[Event], tuple[Reaction, ...]]

    def use_writer(self) -> AbstractAsyncContextManager[Any]:
        """Return a connection that nobody else uses."""

    async def write_alone(self, work: Work[T], queue: str) -> T:
        """Run a write in a transaction of its own."""

    @property
    def prologue(self) -> str:
        """The statements with which a transaction begins; empty if the connection has all settings."""

    def lose_commit(self, error: Exception) -> Exception | None:
        """Return what to tell those whose transaction nobody knows to be stored; None if it was rolled back."""

    def announce(self, events: Sequence[Event]) -> None:
        """Run the after-commit effects."""


class _Undo(Exception):
    """The group must be rolled back: one of its writes failed after it had changed something."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A statement that a write waits for. The driver sends the answer."""

    kind: Literal["all", "one", "run"]
    statement: Statement
    parameters: Mapping[str, Any]

    def __await__(self) -> Generator["_Question", Any, Any]:
        return (yield self)


class GroupTx(Tx):
    """The transaction as one of the writes of a group sees it."""

    __slots__ = ()

    searches_newest_first = False
    changes_at_once = True

    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        return cast("list[Row]", await _Question("all", statement, parameters))

    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        return cast("Row | None", await _Question("one", statement, parameters))

    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        return cast("int", await _Question("run", statement, parameters))

    async def lock(self, statement: Statement, /, **parameters: Any) -> None:
        await self.all(statement, **parameters)

    async def lock_name(self, name: str) -> None:
        raise _Undo(f"a write of a group cannot wait for the name {name}")

    async def can_lock_name(self, name: str) -> bool:
        raise _Undo(f"a write of a group cannot lock the name {name}")

    @staticmethod
    def many(values: Sequence[Any]) -> Any:
        return list(values)


class _Member:
    """A write that takes part in a group."""

    def __init__(self, work: Work[Any], queue: str, answer: "asyncio.Future[Any]") -> None:
        self.work, self.queue, self.answer = work, queue, answer
        self.question: _Question | None = None
        """What it waits for; None if it has not begun or is done."""
        self.result: Any = None
        self.error: Exception | None = None
        """What it raised before it changed anything. It concerns no other member."""
        self.events: list[Event] = []
        self._has_written = False

    def begin(self, tx: GroupTx) -> None:
        """Run the write up to its first question."""
        self.events = tx.events
        self.result, self.error, self._has_written = None, None, False
        self._running = cast("Coroutine[_Question, Any, Any]", self.work(tx))
        self.go_on(None)

    def go_on(self, answer: Any) -> None:
        """Answer the question, and run the write up to its next one. Raises _Undo."""
        asked, self.question = self.question, None
        self._has_written = self._has_written or (asked is not None and asked.statement.writes)
        try:
            question: object = self._running.send(answer)
        except StopIteration as end:
            self.result = end.value
        except _Undo:
            raise
        except Exception as error:
            if self._has_written:
                raise _Undo from error
            self.error = error
        else:
            if not isinstance(question, _Question):
                self._running.close()
                raise _Undo("a transaction function awaited something other than its transaction")
            self.question = question

    @property
    def kind_of_question(self) -> Any:
        """What questions that can be answered together have in common."""
        asked = self.question
        return (asked.statement, asked.kind) if asked is not None and asked.statement.together else self

    @property
    def is_done(self) -> bool:
        """Whether the request has its answer."""
        return self.answer.done()

    def finish(self, result: Any = None, error: Exception | None = None) -> None:
        """Give the request its answer."""
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(result)
        else:
            self.answer.set_exception(error)

    def end(self) -> None:
        """Stop the write, if it still waits for an answer."""
        if self.question is not None:
            self._running.close()


class Groups:
    """The groups of a database."""

    def __init__(self, owner: Owner, lock: Statement) -> None:
        self._owner = owner
        self._lock = lock
        self._waiting: list[_Member] = []
        self._running: set[asyncio.Task[None]] = set()
        self._queues: set[str] = set()
        """The queues of the running groups."""
        self._alone: Counter[str] = Counter()
        """The queues of writes that run alone: their rows may be locked for long. Later writes wait for these."""
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, work: Work[T], queue: str) -> "asyncio.Future[T]":
        """Let a write take part in the next group. Return a future of its result once it is durable."""
        loop = asyncio.get_running_loop()
        member = _Member(work, queue, loop.create_future())
        self._waiting.append(member)
        loop.call_soon(self._start)
        return member.answer

    def _start(self) -> None:
        while len(self._running) < AT_ONCE and (members := self._take()):
            self._queues.update(member.queue for member in members)
            task = asyncio.ensure_future(self._run(members))
            self._running.add(task)
            task.add_done_callback(lambda done, members=members: self._end(done, members))  # type: ignore[misc]

    def _take(self) -> list[_Member]:
        """Take the next writes of whose queues none is running."""
        taken: list[_Member] = []
        left: list[_Member] = []
        for member in self._waiting:
            is_free = len(taken) < LIMIT and member.queue not in self._queues and member.queue not in self._alone
            (taken if is_free else left).append(member)
        self._waiting = left
        return taken

    def _end(self, task: "asyncio.Task[None]", members: list[_Member]) -> None:
        self._running.discard(task)
        if task.cancelled() or task.exception() is not None:  # a bug, or the end of the process
            for member in members:
                member.answer.cancel()
        self._queues.difference_update(member.queue for member in members)
        self._start()

    async def _run(self, members: list[_Member]) -> None:
        """Run a group, and alone those of its writes that it could not run."""
        done: list[_Member] = []
        is_committing = is_stored = False
        try:
            async with self._owner.use_writer() as connection:
                try:
                    await connection.execute("; ".join(filter(None, ("BEGIN", self._owner.prologue, PATIENCE))))
                    done = await self._run_rounds(connection, members)
                    is_committing = True
                    if await connection.execute("COMMIT") != "COMMIT":
                        raise _Undo("a statement had failed")
                    is_stored = True
                except BaseException:
                    await _roll_back(connection)
                    raise
        except Exception as error:
            if not is_stored:  # else the pool could not take the connection back
                log.debug("group_undone", writes=len(members), reason=type(error).__name__)
                refusal = self._owner.lose_commit(error) if is_committing else None
                if refusal is None:
                    self._let_alone(members)
                else:
                    for member in members:
                        member.finish(error=refusal)
                return
        for member in done:
            member.finish(member.result, member.error)
        self._owner.announce([event for member in done if member.error is None for event in member.events])
        self._let_alone([member for member in members if not member.is_done])

    async def _run_rounds(self, connection: Any, members: list[_Member]) -> list[_Member]:
        """Run the writes whose queues nobody else has locked, and return them."""
        if len(members) == 1:
            await self._run_round(connection, members)
            return members
        text, values = self._lock.for_postgres({"queues": list({member.queue for member in members})})
        self._owner.statements += 1
        free = {row[0] for row in await connection.fetch(text, *values)}
        left = [member for member in members if member.queue in free]
        done: list[_Member] = []
        while left:
            firsts: dict[str, _Member] = {}
            later = [member for member in left if firsts.setdefault(member.queue, member) is not member]
            await self._run_round(connection, list(firsts.values()))
            done += firsts.values()
            left = later
        return done

    async def _run_round(self, connection: Any, members: Sequence[_Member]) -> None:
        """Run writes of different queues in lockstep. Raises _Undo and what the database raises."""
        try:
            for member in members:
                member.begin(GroupTx(self._owner.reactions))
            while asking := [member for member in members if member.question is not None]:
                together: dict[Any, list[_Member]] = {}
                for member in asking:
                    together.setdefault(member.kind_of_question, []).append(member)
                for those in together.values():
                    self._owner.statements += 1
                    answers = await _ask(connection, [member.question for member in those if member.question])
                    for member, answer in zip(those, answers, strict=True):
                        member.go_on(answer)
        finally:
            for member in members:
                member.end()

    def _let_alone(self, members: Sequence[_Member]) -> None:
        for member in members:
            self._alone[member.queue] += 1
            task = asyncio.ensure_future(self._run_alone(member))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run_alone(self, member: _Member) -> None:
        try:
            member.finish(await self._owner.write_alone(member.work, member.queue))
        except Exception as error:
            member.finish(error=error)
        finally:
            self._alone[member.queue] -= 1
            if not self._alone[member.queue]:
                del self._alone[member.queue]
                self._start()


async def _ask(connection: Any, questions: Sequence[_Question]) -> Sequence[Any]:
    """Run a statement for one or several questions, and return the answers."""
    statement, kind = questions[0].statement, questions[0].kind
    if len(questions) > 1 or isinstance(statement, Together):
        found = await run_batch(connection, statement, [question.parameters for question in questions])
        if kind == "run":
            return [len(rows) for rows in found]
        return found if kind == "all" else [rows[0] if rows else None for rows in found]
    text, values = statement.for_postgres(questions[0].parameters)
    if kind == "all":
        return [await connection.fetch(text, *values)]
    if kind == "one":
        return [await connection.fetchrow(text, *values)]
    return [changed_by(await connection.execute(text, *values))]


async def _roll_back(connection: Any) -> None:
    with contextlib.suppress(Exception):  # the pool closes a connection that is lost
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
