"""Typed statements: a `Query` knows which structs its rows become.

A `Shape` describes some columns of a row and the struct that their values make. `shape`, `shape_of`, `single`,
`optional` and `combined` create shapes; a `Query` is a statement with one or two of them.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Generic, TypeVar, overload

import sqlalchemy as sa

from talkd.storage.statements import Statement, columns

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
Row = Sequence[Any]


class Shape(Generic[T]):
    """Some columns of a row, and `reader(at)`, which returns how they become a T where they begin at that index."""

    def __init__(
        self, table_columns: Sequence[sa.ColumnElement[Any]], reader: Callable[[int], Callable[[Row], T]]
    ) -> None:
        self.columns = list(table_columns)
        self.reader = reader

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[sa.ColumnElement[Any]]:
        return iter(self.columns)


def shape(struct: type[T], table: sa.FromClause) -> Shape[T]:
    """Return the shape of a struct whose fields have the names of columns of the table."""
    return shape_of(struct, *columns(table, struct.__struct_fields__))  # type: ignore[attr-defined]


def shape_of(make: Callable[..., T], *table_columns: sa.ColumnElement[Any]) -> Shape[T]:
    """Return a shape that passes the values of these columns to `make`, a struct or a function."""

    def reader(at: int) -> Callable[[Row], T]:
        part = slice(at, at + len(table_columns))
        return lambda row: make(*row[part])

    return Shape(table_columns, reader)


def single(column: sa.ColumnElement[Any]) -> Shape[Any]:
    """Return the shape of one value."""
    return Shape([column], itemgetter)


def optional(of: Shape[T]) -> Shape[T | None]:
    """Return a shape that yields None if its first column is NULL, as after an outer join without a match."""

    def reader(at: int) -> Callable[[Row], T | None]:
        read = of.reader(at)
        return lambda row: None if row[at] is None else read(row)

    return Shape(of.columns, reader)


@overload
def combined(make: Callable[[A, B], T], a: Shape[A], b: Shape[B], /) -> Shape[T]: ...
@overload
def combined(make: Callable[[A, B, C], T], a: Shape[A], b: Shape[B], c: Shape[C], /) -> Shape[T]: ...
def combined(make: Callable[..., T], a: Shape[Any], b: Shape[Any], c: Shape[Any] | None = None, /) -> Shape[T]:
    """Return a shape that reads several shapes side by side and passes their results to `make`."""

    def read_two(at: int) -> Callable[[Row], T]:
        first, second = a.reader(at), b.reader(at + len(a))
        return lambda row: make(first(row), second(row))

    if c is None:
        return Shape([*a, *b], read_two)

    def read_three(at: int) -> Callable[[Row], T]:
        first, second, third = a.reader(at), b.reader(at + len(a)), c.reader(at + len(a) + len(b))
        return lambda row: make(first(row), second(row), third(row))

    return Shape([*a, *b, *c], read_three)


class Query(Statement, Generic[T]):
    """A statement whose rows become structs. It selects or returns exactly the columns of its shapes, in this order.

    Raises TypeError at import if the columns differ.
    """

    @overload
    def __init__(self: "Query[A]", clause: sa.Executable, a: Shape[A], /, *, together: bool = False) -> None: ...
    @overload
    def __init__(
        self: "Query[tuple[A, B]]", clause: sa.Executable, a: Shape[A], b: Shape[B], /, *, together: bool = False
    ) -> None: ...
    def __init__(self, clause: Any, a: Shape[Any], b: Shape[Any] | None = None, /, *, together: bool = False) -> None:
        super().__init__(clause, together=together)
        whole: Shape[Any] = a if b is None else combined(_pair, a, b)
        selected: Any = clause.selects[0] if isinstance(clause, sa.CompoundSelect) else clause
        described = getattr(selected, "returning_column_descriptions", None) or selected.column_descriptions
        found, wanted = [each["expr"] for each in described], list(whole)
        if len(found) != len(wanted) or not all(map(_is_same, found, wanted)):
            names = list(map(_name, found)), list(map(_name, wanted))
            raise TypeError("the statement selects {}, but its shapes have {}".format(*names))
        self.read: Callable[[Row], T] = whole.reader(0)


def _is_same(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> bool:
    return one is other or _name(one) == _name(other)


def _name(column: sa.ColumnElement[Any]) -> str:
    """Return the name of a column, or the SQL text of an expression without a name."""
    return str(getattr(column, "name", column))


def _pair(a: A, b: B) -> tuple[A, B]:
    return a, b
