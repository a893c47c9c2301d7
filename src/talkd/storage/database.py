"""The way to the data: `read(fn)` and `write(fn)`, where `fn` is a function of a transaction.

A transaction function awaits nothing but its transaction. On SQLite it then runs through without ever
being suspended; on PostgreSQL it awaits the driver: one code path for both.
"""

import abc
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from talkd.core.errors import Unavailable
from talkd.core.events import Event
from talkd.storage.availability import Availability
from talkd.storage.queries import Query
from talkd.storage.schema import meta
from talkd.storage.statements import STAMP, Statement, bind, word

T = TypeVar("T")
Row = Sequence[Any]

TRY_SECONDS = 5.0
"""How long a healthy database takes at most to store something small."""
TRY_AGAIN = 1.0
"""Seconds until the outcome of the last try is forgotten."""
_STORE_BEAT = Statement(
    # Both databases speak the same ON CONFLICT; the PostgreSQL flavour of the construct compiles on SQLite too.
    insert(meta)
    .values(key=word("heartbeat"), value=sa.cast(bind(STAMP, sa.BigInteger), sa.Text))
    .on_conflict_do_update(index_elements=["key"], set_={"value": sa.cast(bind(STAMP, sa.BigInteger), sa.Text)})
)

log = structlog.get_logger(__name__)


class DatabaseRefused(Exception):
    """talkd does not use the database as it is; the message says why, and what to do."""


class DatabaseInUse(DatabaseRefused):
    """Another talkd serves the database; clients of one would not hear what happens in the other."""


class DatabaseFromTheFuture(DatabaseRefused):
    """The database was written by a newer talkd; this one would damage it."""


class Tx(abc.ABC):
    """A running transaction: the only thing that services get to know of a database."""

    __slots__ = ("_reactions", "events")

    searches_newest_first: ClassVar[bool]
    """Return True if `contains` can give the newest messages without looking at all that it finds."""

    def __init__(self, reactions: "Mapping[type[Event], Sequence[Reaction]]") -> None:
        self._reactions = reactions
        self.events: list[Event] = []

    async def emit(self, event: Event) -> None:
        """Say what has happened: what follows from it inside the transaction happens now, the rest after the commit."""
        self.events.append(event)
        for reaction in self._reactions.get(type(event), ()):
            await reaction(self, event)

    @abc.abstractmethod
    async def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """All rows, as tuples."""

    @abc.abstractmethod
    async def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """The first row, or None."""

    @abc.abstractmethod
    async def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Change something; how many rows were touched."""

    @abc.abstractmethod
    async def lock(self, statement: Statement, /, **parameters: Any) -> None:
        """Hold the rows that `statement` selects FOR UPDATE until the end. Whoever writes on SQLite is alone anyway."""

    @abc.abstractmethod
    async def lock_name(self, name: str) -> None:
        """Hold a name until the end, such as that of a network whose rows are counted before one is added."""

    async def list(self, query: Query[T], /, **parameters: Any) -> "list[T]":
        """All rows, as the structs of the query."""
        read = query.read
        return [read(row) for row in await self.all(query, **parameters)]

    async def find(self, query: Query[T], /, **parameters: Any) -> T | None:
        """The first row as the structs of the query, or None."""
        row = await self.one(query, **parameters)
        return None if row is None else query.read(row)

    async def create(self, query: Query[T], /, **parameters: Any) -> T:
        """Run an INSERT that always stores a row, and return that row as the struct of the query."""
        row = await self.one(query, **parameters)
        assert row is not None, "an insert returns its row"
        return query.read(row)

    async def value(self, statement: Statement, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.one(statement, **parameters)
        return None if row is None else row[0]

    @staticmethod
    @abc.abstractmethod
    def many(values: Sequence[Any]) -> Any:
        """A list in the form that `one_of` takes as parameter on this database."""


Reaction = Callable[["Tx", Any], Awaitable[None]]
"""A consequence of an event inside the transaction; it may write and emit further events."""
Reactions = Mapping[type[Event], Reaction]
"""What follows from which kind of event."""
AfterCommit = Callable[[Sequence[Event]], None]
Work = Callable[[Tx], Awaitable[T]]


class Database(abc.ABC):
    """One of the two engines, with the effects that follow from events."""

    def __init__(self) -> None:
        self.reactions: dict[type[Event], tuple[Reaction, ...]] = {}
        self.after_commit: tuple[AfterCommit, ...] = ()
        self.statements = 0
        self.availability = Availability()
        self._try: asyncio.Future[bool] | None = None
        self.suspends = True
        """Whether others run while a read or write does: on SQLite nobody does while one reads."""

    def react(self, *tables: Reactions) -> None:
        """Register reactions. Those to one kind of event run in the order of the tables."""
        kinds = {kind for table in tables for kind in table}
        self.reactions.update({kind: tuple(table[kind] for table in tables if kind in table) for kind in kinds})

    @abc.abstractmethod
    async def open(self, *, patience: float = 0) -> None:
        """Connect, migrate to the newest schema. Raises DatabaseRefused.

        `patience`: how many seconds to wait for a database server that does not answer yet.
        """

    @abc.abstractmethod
    async def claim(self) -> None:
        """Reserve the database for this server until it is closed. Raises DatabaseInUse."""

    @abc.abstractmethod
    async def watch(self) -> None:
        """Look whether the database is still the one that was opened; to be called twice a second.

        Until it is, writes raise Unavailable. Raises DatabaseInUse if another server has taken over.
        """

    @property
    @abc.abstractmethod
    def damage(self) -> str:
        """What is wrong with the database itself, or nothing. While there is something, health is red."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finish what was begun and disconnect."""

    @abc.abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run `work`, which must not write. On SQLite it sees one moment; on PostgreSQL each statement sees its own.

        Raises Unavailable if the database cannot be used.
        """

    @abc.abstractmethod
    async def read_aside(self, work: Work[T]) -> T:
        """As `read`, for what may take longer than some milliseconds: nobody waits for it meanwhile."""

    @abc.abstractmethod
    async def catch_up(self) -> None:
        """Do what was put off when messages were stored; to be called every second or so."""

    @abc.abstractmethod
    async def write(self, work: Work[T], *, queue: str = "") -> T:
        """Run `work` and its effects as one transaction; returns once it is durable.

        Writers that would wait for the same row name the same `queue`, such as the room's token: then they do not keep
        all connections to PostgreSQL from others. Raises Unavailable if the database cannot be used; then nothing was
        stored, or nobody knows whether it was because the connection was lost during the commit.
        """

    async def write_if_possible(self, work: Work[Any], *, queue: str = "") -> None:
        """As `write`, for what may be left out while the database cannot be written."""
        try:
            await self.write(work, queue=queue)
        except Unavailable:
            log.debug("write_left_out")

    @abc.abstractmethod
    async def skip_ids(self, *, after: int = 0) -> None:
        """Skip the ids that were given since this state of the database, in case it was restored from a backup.

        `after`: not if it was written within so many seconds. A server does it before it gives the first id.
        """

    @abc.abstractmethod
    async def note_ids(self) -> None:
        """Note how quickly ids are given; to be called every few seconds and when the server stops."""

    async def is_writable(self) -> bool:
        """Write something and say whether that worked; those who ask within a second share one try."""
        if self._try is None:
            self._try = asyncio.ensure_future(self._try_to_write())
        return await asyncio.shield(self._try)

    async def _try_to_write(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TRY_SECONDS):
                await self.write(_beat)
        except (Unavailable, TimeoutError):
            return False
        else:
            return not self.damage
        finally:
            loop.call_later(TRY_AGAIN, self._forget_try)

    def _forget_try(self) -> None:
        self._try = None

    def announce(self, events: Sequence[Event]) -> None:
        """Run the after-commit effects. What is durable cannot be refused any more: errors are logged."""
        if not events:
            return
        for effect in self.after_commit:
            try:
                effect(events)
            except Exception:
                log.exception("effect_failed", effect=getattr(effect, "__qualname__", repr(effect)))


async def _beat(tx: Tx) -> None:
    await tx.run(_STORE_BEAT)
