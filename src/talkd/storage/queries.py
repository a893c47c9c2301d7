"""Statements that say which structs they yield."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar, overload

import sqlalchemy as sa

from talkd.storage.statements import Statement, columns

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Shape(Generic[T]):
    """Some columns of a row, and `take`, which turns their values into a struct."""

    def __init__(self, table_columns: Sequence[sa.ColumnElement[Any]], take: Callable[[Sequence[Any]], T]) -> None:
        self.columns = list(table_columns)
        self.take = take

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[sa.ColumnElement[Any]]:
        return iter(self.columns)


def shape(struct: type[T], table: sa.FromClause) -> Shape[T]:
    """Return the shape of a struct whose fields are called as columns of the table."""
    return Shape(columns(table, struct.__struct_fields__), lambda values: struct(*values))  # type: ignore[attr-defined]


def optional(of: Shape[T]) -> Shape[T | None]:
    """Return a shape that gives None if its first column is NULL, as after an outer join that found nothing."""
    return Shape(of.columns, lambda values: None if values[0] is None else of.take(values))


@overload
def combined(make: Callable[[A, B], T], a: Shape[A], b: Shape[B], /) -> Shape[T]: ...
@overload
def combined(make: Callable[[A, B, C], T], a: Shape[A], b: Shape[B], c: Shape[C], /) -> Shape[T]: ...
def combined(make: Callable[..., T], *shapes: Shape[Any]) -> Shape[T]:
    """Return a shape that reads several others side by side and passes what they give to `make`."""
    ends = list(accumulate(map(len, shapes)))
    parts = [(each.take, begin, end) for each, begin, end in zip(shapes, [0, *ends], ends, strict=False)]
    return Shape(
        [column for each in shapes for column in each],
        lambda values: make(*[take(values[begin:end]) for take, begin, end in parts]),
    )


class Query(Statement, Generic[T]):
    """A statement whose rows are structs: it selects or returns the columns of these shapes, in this order.

    Raises TypeError at import if it does not.
    """

    @overload
    def __init__(self: "Query[A]", clause: sa.Executable, a: Shape[A], /) -> None: ...
    @overload
    def __init__(self: "Query[tuple[A, B]]", clause: sa.Executable, a: Shape[A], b: Shape[B], /) -> None: ...
    def __init__(self, clause: Any, a: Shape[Any], b: Shape[Any] | None = None, /) -> None:
        super().__init__(clause)
        whole: Shape[Any] = a if b is None else combined(_pair, a, b)
        wanted = [column.name for column in whole]
        described = getattr(clause, "returning_column_descriptions", None) or clause.column_descriptions
        found = [each["expr"].name for each in described]
        if found != wanted:
            raise TypeError(f"the statement gives {found}, and not {wanted}")
        self.read: Callable[[Sequence[Any]], T] = whole.take


def _pair(a: A, b: B) -> tuple[A, B]:
    return a, b
