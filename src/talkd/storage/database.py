"""The way to the data: `read(fn)` and `write(fn)`, where `fn` is a function of a transaction.

A transaction function awaits nothing but its transaction. On SQLite it then runs through without ever
being suspended; on PostgreSQL it awaits the driver: one code path for both.
"""

import abc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from talkd.storage.statements import Statement

T = TypeVar("T")
Row = Sequence[Any]

log = structlog.get_logger(__name__)


class DatabaseRefused(Exception):
    """talkd does not use the database as it is; the message says why, and what to do."""


class DatabaseFromTheFuture(DatabaseRefused):
    """The database was written by a newer talkd; this one would damage it."""


class Tx(abc.ABC):
    """A running transaction: the only thing that services get to know of a database."""

    __slots__ = ("_effects", "events")

    def __init__(self, effects: "tuple[InTransaction, ...]" = ()) -> None:
        self._effects = effects
        self.events: list[Any] = []

    async def emit(self, event: Any) -> None:
        """Say what has happened: what follows from it inside the transaction happens now, the rest after the commit."""
        self.events.append(event)
        for effect in self._effects:
            await effect(self, event)

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

    async def value(self, statement: Statement, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.one(statement, **parameters)
        return None if row is None else row[0]

    @staticmethod
    @abc.abstractmethod
    def many(values: Sequence[Any]) -> Any:
        """A list in the form that `one_of` takes as parameter on this database."""


class InTransaction(Protocol):
    """A consequence inside the transaction; it may write and emit further events."""

    async def __call__(self, tx: Tx, event: Any, /) -> None:
        """React to one event."""


AfterCommit = Callable[[Sequence[Any]], None]
Work = Callable[[Tx], Awaitable[T]]


class Database(abc.ABC):
    """One of the two engines, with the effects that follow from events."""

    def __init__(self) -> None:
        self.in_transaction: tuple[InTransaction, ...] = ()
        self.after_commit: tuple[AfterCommit, ...] = ()
        self.statements = 0
        self.failures: tuple[type[Exception], ...] = (OSError,)
        """What is raised when the database cannot be used; a time that has run out (TimeoutError) is an OSError."""
        self.suspends = True
        """Whether others run while a read or write does: on SQLite nobody does while one reads."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect, migrate to the newest schema; raises DatabaseRefused."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finish what was begun and disconnect."""

    @abc.abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run `work`, which must not write. On SQLite it sees one moment; on PostgreSQL each statement sees its own."""

    @abc.abstractmethod
    async def read_aside(self, work: Work[T]) -> T:
        """As `read`, for what may take longer than some milliseconds: nobody waits for it meanwhile."""

    @abc.abstractmethod
    async def catch_up(self) -> None:
        """Do what was put off when messages were stored; to be called every second or so."""

    @abc.abstractmethod
    async def write(self, work: Work[T]) -> T:
        """Run `work` and its effects as one transaction; returns once it is durable."""

    def announce(self, events: Sequence[Any]) -> None:
        """Run the after-commit effects. What is durable cannot be refused any more: errors are logged."""
        if not events:
            return
        for effect in self.after_commit:
            try:
                effect(events)
            except Exception:
                log.exception("effect_failed", effect=getattr(effect, "__qualname__", repr(effect)))
