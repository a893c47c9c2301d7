"""Typed statements: a `Query` knows which structs its rows become.

A `Shape` describes some columns of a row and the struct that their values make. `shape`, `shape_of`, `single`,
`optional` and `combined` create shapes; a `Query` is a statement with one or two of them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import sqlalchemy as sa

from talkd.storage.statements import Statement, columns

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Shape(Generic[T]):
    """Some columns of a row, and `take`, which turns their values into a T."""

    def __init__(self, table_columns: Sequence[sa.ColumnElement[Any]], take: Callable[[Sequence[Any]], T]) -> None:
        self.columns = list(table_columns)
        self.take = take

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[sa.ColumnElement[Any]]:
        return iter(self.columns)


def shape(struct: type[T], table: sa.FromClause) -> Shape[T]:
    """Return the shape of a struct whose fields have the names of columns of the table."""
    return shape_of(struct, *columns(table, struct.__struct_fields__))  # type: ignore[attr-defined]


def shape_of(make: Callable[..., T], *table_columns: sa.ColumnElement[Any]) -> Shape[T]:
    """Return a shape that passes the values of these columns to `make`, a struct or a function."""
    return Shape(table_columns, lambda values: make(*values))


def single(column: sa.ColumnElement[Any]) -> Shape[Any]:
    """Return the shape of one value."""
    return Shape([column], lambda values: values[0])


def optional(of: Shape[T]) -> Shape[T | None]:
    """Return a shape that yields None if its first column is NULL, as after an outer join without a match."""
    return Shape(of.columns, lambda values: None if values[0] is None else of.take(values))


@overload
def combined(make: Callable[[A, B], T], a: Shape[A], b: Shape[B], /) -> Shape[T]: ...
@overload
def combined(make: Callable[[A, B, C], T], a: Shape[A], b: Shape[B], c: Shape[C], /) -> Shape[T]: ...
def combined(make: Callable[..., T], a: Shape[Any], b: Shape[Any], c: Shape[Any] | None = None, /) -> Shape[T]:
    """Return a shape that reads several shapes side by side and passes their results to `make`."""
    first, second, at, to = a.take, b.take, len(a), len(a) + len(b)
    if c is None:
        return Shape([*a, *b], lambda values: make(first(values[:at]), second(values[at:])))
    third = c.take
    return Shape([*a, *b, *c], lambda values: make(first(values[:at]), second(values[at:to]), third(values[to:])))


class Query(Statement, Generic[T]):
    """A statement whose rows become structs. It selects or returns exactly the columns of its shapes, in this order.

    Raises TypeError at import if the columns differ.
    """

    @overload
    def __init__(self: "Query[A]", clause: sa.Executable, a: Shape[A], /) -> None: ...
    @overload
    def __init__(self: "Query[tuple[A, B]]", clause: sa.Executable, a: Shape[A], b: Shape[B], /) -> None: ...
    def __init__(self, clause: Any, a: Shape[Any], b: Shape[Any] | None = None, /) -> None:
        super().__init__(clause)
        whole: Shape[Any] = a if b is None else combined(_pair, a, b)
        wanted = [_name(column) for column in whole]
        selected: Any = clause.selects[0] if isinstance(clause, sa.CompoundSelect) else clause
        described = getattr(selected, "returning_column_descriptions", None) or selected.column_descriptions
        found = [_name(each["expr"]) for each in described]
        if found != wanted:
            raise TypeError(f"the statement selects {found}, but its shapes have {wanted}")
        self.read: Callable[[Sequence[Any]], T] = whole.take


def _name(column: sa.ColumnElement[Any]) -> str:
    """Return the name of a column, or the SQL text of an expression without a name."""
    return str(getattr(column, "name", column))


def _pair(a: A, b: B) -> tuple[A, B]:
    return a, b
