"""A query selects exactly what its struct is made of, or its module cannot be imported."""

import msgspec
import pytest
import sqlalchemy as sa

from talkd.storage.queries import Query, shape, single
from talkd.storage.schema import rooms


class Pair(msgspec.Struct):
    """Two columns of a room."""

    id: int
    token: str


PAIR = shape(Pair, rooms)


@pytest.mark.parametrize(
    "columns",
    [
        (rooms.c.id,),
        (rooms.c.token, rooms.c.id),
        (rooms.c.id, rooms.c.name),
        (rooms.c.id, rooms.c.token, rooms.c.name),
        (rooms.c.id, sa.func.lower(rooms.c.token)),
    ],
    ids=["too few", "another order", "another column", "too many", "an expression"],
)
def test_a_statement_that_selects_something_else_is_refused(columns: tuple[sa.ColumnElement[object], ...]) -> None:
    with pytest.raises(TypeError, match="but its shapes have \\['id', 'token'\\]"):
        Query(sa.select(*columns), PAIR)


def test_a_statement_that_selects_the_same_is_accepted() -> None:
    copied = rooms.alias("copied")
    counted = sa.func.count()
    query = Query(sa.select(copied.c.id, copied.c.token, counted), PAIR, single(counted))
    assert query.read((7, "abc", 2)) == (Pair(7, "abc"), 2)
