"""The interface of both databases: `read(work)` and `write(work)`, where `work` is a function of a transaction.

`work` awaits nothing but its transaction. On SQLite it runs without being suspended; on PostgreSQL it waits for the
driver. So the same function serves both.
"""

import abc
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa

from talkd.core.errors import Unavailable
from talkd.core.events import Event
from talkd.core.log import Log
from talkd.storage.availability import Availability
from talkd.storage.queries import Query
from talkd.storage.schema import meta
from talkd.storage.statements import STAMP, Statement, bind, insert, word

T = TypeVar("T")
Row = Sequence[Any]

TRY_SECONDS = 5.0
"""A database that takes longer for a small write is not healthy."""
TRY_AGAIN = 1.0
"""Seconds for which the result of the last test write is reused."""
_WRITE_HEARTBEAT = Statement(
    insert(meta)
    .values(key=word("heartbeat"), value=sa.cast(bind(STAMP, sa.BigInteger), sa.Text))
    .on_conflict_do_update(index_elements=["key"], set_={"value": sa.cast(bind(STAMP, sa.BigInteger), sa.Text)})
)

log = Log(__name__)


class DatabaseRefused(Exception):
    """talkd cannot use this database. The message says why, and what to do."""


class DatabaseInUse(DatabaseRefused):
    """Another talkd serves the database. Clients of one server would not receive messages sent to the other."""


class DatabaseTooNew(DatabaseRefused):
    """The database was written by a newer talkd. This one would damage it."""


class Tx(abc.ABC):
    """A running transaction, the only part of a database that services use."""

    __slots__ = ("_reactions", "events")

    searches_newest_first: ClassVar[bool]
    """True if `contains` can return the newest matches without reading all matches."""
    changes_at_once: ClassVar[bool]
    """True if one statement can change several tables, which saves round trips."""

    def __init__(self, reactions: "Mapping[type[Event], Sequence[Reaction]]") -> None:
        self._reactions = reactions
        self.events: list[Event] = []

    async def emit(self, event: Event) -> None:
        """Emit an event. Its reactions run now, in this transaction; its other effects run after the commit."""
        self.events.append(event)
        for reaction in self._reactions.get(type(event), ()):
            await reaction(self, event)

    @abc.abstractmethod
    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """Return all rows."""

    @abc.abstractmethod
    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """Return the first row, or None."""

    @abc.abstractmethod
    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Run a statement and return the number of changed rows."""

    @abc.abstractmethod
    async def lock(self, statement: Statement, /, **parameters: Any) -> None:
        """Lock the rows that `statement` selects FOR UPDATE until the transaction ends.

        Does nothing on SQLite, which has only one writer at a time.
        """

    @abc.abstractmethod
    async def lock_name(self, name: str) -> None:
        """Lock a name until the transaction ends, to count rows before one is added. Does nothing on SQLite."""

    @abc.abstractmethod
    async def can_lock_name(self, name: str) -> bool:
        """Lock a name as `lock_name` does and return True, or return False if another transaction has locked it."""

    async def values(self, statement: Statement, /, **parameters: Any) -> list[Any]:
        """Return the first column of all rows."""
        return [row[0] for row in await self.all(statement, **parameters)]

    async def list(self, query: Query[T], /, **parameters: Any) -> "list[T]":
        """Return all rows as the structs of the query."""
        read = query.read
        return [read(row) for row in await self.all(query, **parameters)]

    async def find(self, query: Query[T], /, **parameters: Any) -> T | None:
        """Return the first row as the struct of the query, or None."""
        row = await self.one(query, **parameters)
        return None if row is None else query.read(row)

    async def create(self, query: Query[T], /, **parameters: Any) -> T:
        """Run an INSERT that always stores a row, and return that row as the struct of the query."""
        row = await self.one(query, **parameters)
        assert row is not None, "an insert returns its row"
        return query.read(row)

    async def value(self, statement: Statement, /, **parameters: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = await self.one(statement, **parameters)
        return None if row is None else row[0]

    @staticmethod
    @abc.abstractmethod
    def many(values: Sequence[Any]) -> Any:
        """Return a list in the form that this database takes as a parameter of `one_of`."""


Reaction = Callable[["Tx", Any], Awaitable[None]]
"""An effect of an event inside the transaction. It may write and emit more events."""
Reactions = Mapping[type[Event], Reaction]
"""Reactions by kind of event."""
AfterCommit = Callable[[Sequence[Event]], None]
Work = Callable[[Tx], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """What is known of a replica."""

    name: str
    lag: float | None
    """It has everything that is older than this many seconds. None if it is not used."""
    reads: int
    """Reads since the process started."""


class Database(abc.ABC):
    """A database, with the effects of events."""

    def __init__(self) -> None:
        self.reactions: dict[type[Event], tuple[Reaction, ...]] = {}
        self.after_commit: tuple[AfterCommit, ...] = ()
        """Effects in every process, of commits of all processes."""
        self.at_origin: tuple[AfterCommit, ...] = ()
        """Effects in one process only: the one that has committed, or the leading one if a command has."""
        self.tell: AfterCommit = _tell_nobody
        """Tells the other processes what this one has committed."""
        self.statements = 0
        self.availability = Availability()
        self._try: asyncio.Future[bool] | None = None
        self.suspends = True
        """True if other tasks can run during a read. On SQLite none can."""

    def react(self, *tables: Reactions) -> None:
        """Register reactions. Reactions to the same kind of event run in the order of the tables."""
        kinds = {kind for table in tables for kind in table}
        self.reactions.update({kind: tuple(table[kind] for table in tables if kind in table) for kind in kinds})

    @abc.abstractmethod
    async def open(self, *, patience: float = 0) -> None:
        """Connect, and migrate to the newest schema. Raises DatabaseRefused.

        `patience`: seconds to wait for a database server that does not answer yet.
        """

    @abc.abstractmethod
    async def claim(self, process: int = 0) -> None:
        """Reserve the database until `close`: for this server alone, or for all processes that give a number.

        Raises DatabaseInUse if another server has it, or if processes have it and this one gives no number.
        """

    @property
    @abc.abstractmethod
    def leads(self) -> bool:
        """Return True if this process does what only one of the processes of the database does. One of them does."""

    @abc.abstractmethod
    async def list_serving(self) -> set[int]:
        """Return the numbers of the processes that share the database and are connected to it. Raises Unavailable."""

    @abc.abstractmethod
    async def watch(self) -> None:
        """Check that the database is still the one that was opened. Call this twice a second.

        If it is not, writes raise Unavailable until it is again. Raises DatabaseInUse if another server has claimed it.
        """

    @property
    @abc.abstractmethod
    def damage(self) -> str:
        """Return what is wrong with the database, or "". If something is, the server is not healthy."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finish running transactions and disconnect."""

    @abc.abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run `work`, which must not write, and return its result.

        On SQLite all its statements see the same state; on PostgreSQL each sees the state when it begins. Raises
        Unavailable.
        """

    @abc.abstractmethod
    async def read_aside(self, work: Work[T]) -> T:
        """Like `read`, for work that may take more than a few milliseconds. Other tasks can run in the meantime."""

    async def read_replica(self, work: Work[T], *, unchanged_since: float = 0) -> T | None:  # noqa: ARG002 - none here
        """Run `work` on a replica that has everything that was committed before `unchanged_since` (`clock.ticks`).

        All statements see the same state, at most `database.replica_lag` seconds old. Return None if no replica can
        be used: then read from the database itself.
        """
        return None

    def list_replicas(self) -> list[ReplicaState]:
        """Return the replicas of the settings."""
        return []

    @abc.abstractmethod
    async def catch_up(self) -> None:
        """Index the messages stored since the last call. Call this about every second."""

    @abc.abstractmethod
    async def write(self, work: Work[T], *, queue: str = "", is_brief: bool = False) -> T:
        """Run `work` with its reactions as one transaction. Return its result once it is durable.

        `queue`: a name shared by all writers that would wait for the same row, such as the token of a room. Only a few
        of them use a PostgreSQL connection at a time, so that connections are left for other writers.
        `is_brief`: a few statements that lock only rows of the queue. On PostgreSQL it may share a transaction with
        others.

        Raises Unavailable. Then nothing was stored, unless the connection was lost during the commit: then the outcome
        is unknown.
        """

    async def write_if_possible(self, work: Work[Any], *, queue: str = "") -> None:
        """Like `write`, but do nothing if the database is unavailable."""
        try:
            await self.write(work, queue=queue)
        except Unavailable:
            log.debug("write_left_out")

    @abc.abstractmethod
    async def skip_ids(self, *, after: int = 0) -> None:
        """Skip the ids that a later state of this database may have used, in case it was restored from a backup.

        A server does this before it uses the first id. `after`: do nothing if the last write was less than
        this many seconds ago.
        """

    @abc.abstractmethod
    async def note_ids(self) -> None:
        """Store how fast ids are used. Call this every few seconds and when the server stops."""

    @abc.abstractmethod
    async def get_size(self) -> int:
        """Return how many bytes the database takes. Raises Unavailable."""

    async def is_writable(self) -> bool:
        """Return True if a test write succeeds. Callers within TRY_AGAIN seconds share one test."""
        if self._try is None:
            self._try = asyncio.ensure_future(self._try_to_write())
        return await asyncio.shield(self._try)

    async def _try_to_write(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            if self.damage:
                return False
            async with asyncio.timeout(TRY_SECONDS):
                await self.write(_write_heartbeat)
        except (Unavailable, TimeoutError):
            return False
        else:
            return not self.damage
        finally:
            loop.call_later(TRY_AGAIN, self._forget_try)

    def _forget_try(self) -> None:
        self._try = None

    def announce(self, events: Sequence[Event]) -> None:
        """Run all effects of a transaction of this process, and tell the others."""
        self.follow(events, acts=True)
        if events:
            self.tell(events)

    def follow(self, events: Sequence[Event], *, acts: bool = False) -> None:
        """Run the effects of a commit. Their errors are logged: the transaction is already durable.

        `acts`: whether the effects of which each commit has one, such as a message to another server, run here.
        """
        if not events:
            return
        for effect in (*self.after_commit, *self.at_origin) if acts else self.after_commit:
            try:
                effect(events)
            except Exception:
                log.exception("effect_failed", effect=getattr(effect, "__qualname__", repr(effect)))


def _tell_nobody(_events: Sequence[Event]) -> None:
    """Do nothing: this is the only process."""


async def _write_heartbeat(tx: Tx) -> None:
    await tx.run(_WRITE_HEARTBEAT)
