"""Run a statement of PostgreSQL once for several sets of parameters.

A round trip and the start of a statement cost more than a small statement itself. The parameters are passed as arrays,
one for each parameter, and each row of the result says to which set it belongs.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from talkd.storage.queries import Query, Shape, combined, single
from talkd.storage.statements import Statement

T = TypeVar("T")
Row = Sequence[Any]
Parameters = Mapping[str, Any]

_PARAMETER = re.compile(r"\$(\d+)::([A-Z]+)(\[\])?")


class Together(Query[T]):
    """A statement that writes, and always takes its parameters as arrays. Its first column is `given(…).c.place`.

    It is for PostgreSQL only, for example to change several tables at once. No two of its sets of parameters may
    concern the same rows.
    """

    def __init__(self, clause: sa.Executable, place: sa.ColumnElement[int], of: Shape[T], lists: Iterable[str]) -> None:
        super().__init__(clause, combined(lambda _, each: each, single(place), of), together=True)
        self.read = of.reader(0)  # of the rest of the row
        self.writes = True
        self.lists = frozenset(lists)


def given(types: Mapping[str, sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]]]) -> sa.CTE:
    """Return the table of parameters for a `Together`: a column for each name, and `place`, from 1."""
    arrays = (sa.bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in types.items())
    columns = (sa.column(name, kind) for name, kind in types.items())
    table = sa.func.unnest(*arrays).table_valued(*columns, with_ordinality="place", name="arrays")
    return sa.select(*table.render_derived().c).cte("given")


async def run_batch(connection: Any, statement: Statement, many: Sequence[Parameters]) -> list[list[Row]]:
    """Run a statement for each of these sets of parameters. Return the rows of each.

    For an UPDATE, the rows are as many as it changed, and empty.
    """
    text, names, lists = batch_of(statement)
    fixed = statement.constants()
    values = [[each[name] for each in many] if name in lists else fixed[name] for name in names]
    results: list[list[Row]] = [[] for _ in many]
    for row in await connection.fetch(text, *values):
        results[row[0] - 1].append(row[1:])
    return results


def changed_by(status: str) -> int:
    """Return how many rows a statement has changed, from what PostgreSQL says at its end."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


@cache
def batch_of(statement: Statement) -> tuple[str, Sequence[str], frozenset[str]]:
    """Return the text for arrays, the names of `$1`, `$2`… in this order, and which of them are arrays."""
    text, names, _ = statement.compile_postgres()
    if isinstance(statement, Together):
        return text, names, statement.lists
    lists = frozenset(names) - statement.constants().keys()
    types: dict[int, str] = {}
    for number, kind, is_array in _PARAMETER.findall(text):
        if is_array:
            raise ValueError(f"a statement with a list cannot be run for several: {text}")
        types[int(number)] = kind
    wanted = [number for number, name in enumerate(names, 1) if name in lists]
    arrays = ", ".join(f"${number}::{types[number]}[]" for number in wanted)
    table = f"unnest({arrays}) WITH ORDINALITY AS given({', '.join(f'p{number}' for number in wanted)}, place)"

    def value(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"given.p{number}" if number in wanted else match[0]

    one = _PARAMETER.sub(value, text)
    if not statement.writes:
        return f"SELECT given.place, found.* FROM {table}, LATERAL ({one}) AS found", names, lists  # noqa: S608 - only texts of statements
    at = _where(one)
    return f"{one[:at]} FROM {table} {one[at:]} RETURNING given.place", names, lists


def _where(update: str) -> int:
    """Return where the WHERE of an UPDATE begins, which is the last one outside of parentheses."""
    depth, found = 0, -1
    for place, character in enumerate(update):
        depth += (character == "(") - (character == ")")
        if not depth and update.startswith("WHERE ", place):
            found = place
    if not update.startswith("UPDATE ") or found < 0 or "RETURNING" in update:
        raise ValueError(f"only a SELECT or a simple UPDATE can be run for several: {update}")
    return found
