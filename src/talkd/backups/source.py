"""What a backup and a copy read from a database, whichever it is."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import Any, ClassVar, NamedTuple

from talkd.backups.checksums import RowSum, Values, encode_rows
from talkd.backups.model import Column, Kind, PlaceRefused, Table, Tally
from talkd.backups.progress import Advance
from talkd.backups.sqlite_tables import list_tables_at
from talkd.storage.migrate import REVISIONS, Schema, is_behind
from talkd.storage.sqlite_search import OWN_TABLES as SEARCH_TABLES

BATCH, BATCH_OF_BYTES = 1000, 8
"""Number of rows that are in memory at once. Rows with bytes may have megabytes."""
STATE = "copying"
"""The table in which a copy notes how far it is."""
NO_DATA = frozenset({"alembic_version", STATE, *SEARCH_TABLES})
"""Tables that are no data: they follow from the others or from the schema."""

FILLED_BY_MIGRATIONS = ("meta", "storage_use")
"""Tables that have rows in a new database, too."""


class Found(NamedTuple):
    """A column that a database has."""

    table: str
    name: str
    kind: str
    """The type in the words of the database."""
    may_be_null: bool


class Source(ABC):
    """A database as it was at one moment, in one transaction."""

    engine: ClassVar[str]
    kinds: ClassVar[dict[str, Kind]]
    """The types that talkd uses."""

    @abstractmethod
    async def get_revision(self) -> str | None:
        """Return the revision of its tables, or None if it has none."""

    @abstractmethod
    async def list_columns(self) -> list[Found]:
        """Return the columns of all tables."""

    @abstractmethod
    async def get_key(self, table: Table) -> tuple[str, ...]:
        """Return the columns of the primary key."""

    @abstractmethod
    async def get_counters(self) -> dict[str, int]:
        """Return the last used id of each table with ids, 0 if none was used."""

    @abstractmethod
    def select(self, text: str, values: Sequence[Any], size: int) -> AsyncGenerator[list[Values], None]:
        """Yield the rows of a query, `size` at once. `?` stands for a value."""

    async def require_revision(self) -> str:
        """Return the revision. Raises PlaceRefused if talkd has not made the tables, and DatabaseRefused."""
        revision = await self.get_revision()
        if revision is None:
            raise PlaceRefused("the database has no tables of talkd: check its name or address")
        is_behind(Schema(revision))  # a newer one is refused: its tables cannot be made here
        return revision

    async def list_tables(self, revision: str) -> tuple[Table, ...]:
        """Return the tables of talkd at a revision, by name. Tables of other programs are left out.

        Raises PlaceRefused if one is missing, or has a column of a type that talkd does not use.
        """
        found = await self.list_columns()
        wanted = list_names(revision)
        missing = wanted - {column.table for column in found}
        if missing:
            raise PlaceRefused(f"the database has no table {min(missing)}: restore a backup")
        return tuple(self._table(name, found) for name in sorted(wanted))

    def _table(self, name: str, found: Sequence[Found]) -> Table:
        columns = []
        for each in sorted(each for each in found if each.table == name):
            if each.kind not in self.kinds:
                raise PlaceRefused(f"the column {name}.{each.name} has the type {each.kind}, which talkd never made")
            columns.append(Column(each.name, self.kinds[each.kind], bool(each.may_be_null)))
        return Table(name, tuple(columns))

    async def get_value(self, text: str, *values: Any) -> Any:
        """Return the first column of the first row, or None."""
        async with contextlib.aclosing(self.select(text, values, 1)) as batches:
            async for rows in batches:
                return rows[0][0]
        return None

    async def count(self, table: Table) -> int:
        """Return the number of rows."""
        return int(await self.get_value(f'SELECT count(*) FROM "{table.name}"'))  # noqa: S608 - a name in the database

    async def has_rows(self, table: Table) -> bool:
        """Return True if the table is not empty."""
        return await self.get_value(f'SELECT 1 FROM "{table.name}" LIMIT 1') is not None  # noqa: S608 - as above

    def read(self, table: Table) -> AsyncGenerator[list[Values], None]:
        """Yield all rows, in the order of the columns."""
        return self.select(_selected(table), (), size_of_batch(table))

    def read_after(
        self, table: Table, key: Sequence[str], last: Sequence[Any] | None
    ) -> AsyncGenerator[list[Values], None]:
        """Yield the rows after a key in its order, or all of them."""
        names = ", ".join(f'"{name}"' for name in key)
        after = f" WHERE ({names}) > ({', '.join('?' * len(key))})" if last else ""
        return self.select(f"{_selected(table)}{after} ORDER BY {names}", last or (), size_of_batch(table))

    async def tally(self, table: Table, advance: Advance) -> Tally:
        """Count and add up all rows."""
        total = RowSum()
        async for rows in self.read(table):
            total.add(encode_rows(rows))
            advance(len(rows))
        return total.tally

    async def has(self, table: str, column: str, value: Any) -> bool:
        """Return True if a row has this value."""
        text = f'SELECT 1 FROM "{table}" WHERE "{column}" = ? LIMIT 1'  # noqa: S608 - names of talkd
        return await self.get_value(text, value) is not None


def size_of_batch(table: Table) -> int:
    """Return how many rows are read at once."""
    return BATCH_OF_BYTES if table.has_bytes else BATCH


def _selected(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in table.names)
    return f'SELECT {names} FROM "{table.name}"'  # noqa: S608 - names in the database


def list_names(revision: str) -> frozenset[str]:
    """Return the names of all tables with data at a revision. The migrations say it, so none can be forgotten."""
    return list_tables_at(revision) - NO_DATA


async def require_empty(source: Source, advice: str) -> None:
    """Raises PlaceRefused if the database has data, more than its first migrations have stored. Changes nothing."""
    revision = await source.get_revision()
    if revision is None:
        others = {column.table for column in await source.list_columns()} & list_names(REVISIONS[-1])
        if others:
            raise PlaceRefused(f"the database has a table {min(others)}, which talkd has not made: {advice}")
        return
    is_behind(Schema(revision))
    for table in await source.list_tables(revision):
        if table.name not in FILLED_BY_MIGRATIONS and await source.has_rows(table):
            raise PlaceRefused(f"the database has data already, and nothing is ever overwritten: {advice}")
