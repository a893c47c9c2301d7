"""Where tables are if the database is distributed, and which rooms a statement reads.

The rooms are found in the SQLAlchemy expression of the statement. A condition counts only if every row must meet it:
one inside of OR, NOT or CASE does not.
"""

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import AliasedReturnsRows, ScalarSelect, SelectBase, TableValuedAlias

from talkd.storage.statements import one_of

PAGE = (Path(__file__).parents[2] / "docs" / "adr" / "0021-sharding.md").read_text()
PLACES = dict(re.findall(r"^\| `(\w+)` \| (room|everywhere|one) \|", PAGE, re.MULTILINE))
"""The place of each table: with its room, on every machine, or on one."""
REFUSED = set(re.findall(r"^\| `(\w+)` \| [^|]{6,} \| [^|]+ \|$", PAGE, re.MULTILINE)) - PLACES.keys()
"""Unique indexes that would have to go, with the reason."""
KEYS = {table: "id" if table == "rooms" else "room_id" for table, place in PLACES.items() if place == "room"}
"""The column by which a table is distributed."""

Node = tuple[str, object]
"""A table of rooms as it occurs in a statement, or a parameter. Those in one group have the same room."""
Scope = dict[sa.FromClause, Node | None]
"""The tables of one SELECT, INSERT, UPDATE or DELETE. Those without data of rooms have no node."""
_COMPILER = postgresql.dialect().statement_compiler(postgresql.dialect(), None)  # type: ignore[no-untyped-call]
PARAMETER, LIST, TOKEN = "parameter", "list", "token"


class Rooms(Enum):
    """How many rooms a statement reads or changes."""

    NONE = "no table of rooms"
    ONE = "one room, by its id"
    TOKEN = "rooms by their tokens"
    SEVERAL = "the rooms of a list of ids"
    ALL = "any room"
    APART = "rooms that have nothing to do with each other"


class Reading:
    """What a statement does with the tables of rooms."""

    def __init__(self, clause: Any) -> None:
        self._next: dict[Node, Node] = {}
        self._tables: dict[Node, str] = {}
        self._scopes: dict[object, list[Scope]] = {}
        """The scopes that a part of the statement sees, by that part."""
        self.moves_rows = False
        """True if it changes the column with the room's id."""
        self.locks = getattr(clause, "_for_update_arg", None) is not None
        self._statement(clause, [])

    @property
    def tables(self) -> set[str]:
        """The tables of rooms that it names."""
        return set(self._tables.values())

    @property
    def rooms(self) -> Rooms:
        """How many rooms it concerns."""
        groups = {self._group(node) for node in self._tables}
        if not groups:
            return Rooms.NONE
        if len(groups) > 1:
            return Rooms.APART
        kinds = {node[0] for node in self._next if self._group(node) in groups}
        known = {PARAMETER: Rooms.ONE, TOKEN: Rooms.TOKEN, LIST: Rooms.SEVERAL}
        return next((rooms for kind, rooms in known.items() if kind in kinds), Rooms.ALL)

    # --- groups -------------------------------------------------------------------------------
    def _group(self, node: Node) -> Node:
        while self._next.get(node, node) != node:
            node = self._next[node]
        return node

    def _unite(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self._next.setdefault(node, node)
            self._next[self._group(node)] = self._group(nodes[0])

    def _nodes(self, value: Any, scopes: Sequence[Scope]) -> list[Node]:
        """Return what has the room in this value, if it is a room's id or a parameter."""
        if isinstance(value, sa.BindParameter):
            return [(PARAMETER, value.key)]
        if isinstance(value, ScalarSelect | SelectBase):
            return self._selected(value, 0)
        if isinstance(value, sa.Label | sa.sql.elements.Grouping):
            return self._nodes(value.element, scopes)
        table = getattr(value, "table", None)
        if table is None:
            return []
        if isinstance(table, TableValuedAlias):  # parameters as arrays
            return [(LIST, value.key)]
        real = table.element if isinstance(table, AliasedReturnsRows) else table
        if not isinstance(real, sa.Table):
            return self._selected(real, value.key)
        if KEYS.get(real.name) != value.name:
            return []
        found = next((scope[table] for scope in reversed(scopes) if table in scope), None)
        return [found] if found else []

    def _selected(self, part: Any, key: int | str) -> list[Node]:
        """Return what has the room in a column of a SELECT or UNION, or of what a change returns."""
        while not isinstance(part, sa.Select | sa.CompoundSelect | UpdateBase):
            part = part.element
        if isinstance(part, sa.CompoundSelect):
            place = key if isinstance(key, int) else list(part.selected_columns.keys()).index(key)
            return [node for each in part.selects for node in self._selected(each, place)]
        columns = part.exported_columns
        column = list(columns)[key] if isinstance(key, int) else columns[key]
        return self._nodes(column, self._scopes.get(part, []))

    # --- statements ---------------------------------------------------------------------------
    def _statement(self, part: Any, outer: list[Scope]) -> None:
        """Read a statement, or a part of one that sees the tables of the scopes around it."""
        while not isinstance(part, sa.Select | sa.CompoundSelect | UpdateBase):
            part = part.element
        if part in self._scopes:
            return
        self._scopes[part] = scopes = [*outer, {}]
        for made in part._independent_ctes:
            self._statement(made, [])
        if isinstance(part, sa.CompoundSelect):
            for each in part.selects:
                self._statement(each, outer)
        elif isinstance(part, sa.Select):
            self._select(part, scopes)
        else:
            self._change(part, scopes)

    def _select(self, part: Any, scopes: list[Scope]) -> None:
        leaves = [leaf for each in _froms(part) for leaf in _leaves(each)]
        around = {table for scope in scopes[:-1] for table in scope}
        own = [leaf for leaf in leaves if leaf not in around]
        for leaf in own or leaves:  # SQL has no SELECT without tables, so SQLAlchemy repeats those of the outer one
            self._enter(leaf, scopes)
        for each in _froms(part):
            for join in _joins(each):
                self._where(join.onclause, scopes)
        for condition in part._where_criteria:
            self._where(condition, scopes)
        for each in (*part._raw_columns, *part._order_by_clauses, *part._group_by_clauses, *part._having_criteria):
            self._inside(each, scopes)

    def _change(self, part: Any, scopes: list[Scope]) -> None:
        self._enter(part.table, scopes)
        key = part.table.c.get(KEYS.get(part.table.name, ""))
        values = {getattr(name, "name", name): value for name, value in (getattr(part, "_values", None) or {}).items()}
        conditions = getattr(part, "_where_criteria", ())
        for named in {leaf for each in conditions for leaf in _named(each)} - {part.table}:
            self._enter(named, scopes)
        for condition in conditions:
            self._where(condition, scopes)
        for value in values.values():
            self._inside(value, scopes)
        source = getattr(part, "select", None)
        if source is not None:
            self._statement(source, [])
            if key is not None:
                self._unite([*self._nodes(key, scopes), *self._selected(source, part._select_names.index(key.name))])
        elif key is not None and key.name in values and isinstance(part, sa.Insert):
            self._unite([*self._nodes(key, scopes), *self._nodes(values[key.name], scopes)])
        elif key is not None and key.name in values:
            self.moves_rows = True

    def _enter(self, leaf: Any, scopes: list[Scope]) -> None:
        """Add a table of a FROM to the innermost scope."""
        real = leaf.element if isinstance(leaf, AliasedReturnsRows) else leaf
        if not isinstance(real, sa.Table):
            if not isinstance(real, sa.TextClause) and not isinstance(leaf, TableValuedAlias):
                self._statement(real, [])
            scopes[-1][leaf] = None
            return
        node = (real.name, len(self._next))
        scopes[-1][leaf] = node if real.name in KEYS else None
        if real.name in KEYS:
            self._unite([node])
            self._tables[node] = real.name

    # --- conditions ---------------------------------------------------------------------------
    def _where(self, condition: Any, scopes: list[Scope]) -> None:
        """Read a condition that every row must meet."""
        self._inside(condition, scopes)
        for each in _conjuncts(condition):
            if isinstance(each, one_of) and _is_token(each.column):
                self._bind(each.column.table.c.id, [(TOKEN, each.values.key)], scopes)
            elif isinstance(each, one_of):
                self._bind(each.column, [(LIST, each.values.key)], scopes)
            elif isinstance(each, sa.BinaryExpression) and each.operator in (operators.eq, operators.in_op):
                left, right = _parts(each.left), _parts(each.right)
                if len(left) != len(right):  # a row of columns, compared with those of a SELECT
                    right = [_Column(each.right, place) for place in range(len(left))]
                for one, other in zip(left, right, strict=True):
                    self._equal(one, other, scopes)

    def _equal(self, one: Any, other: Any, scopes: list[Scope]) -> None:
        for value, against in ((one, other), (other, one)):
            if _is_token(value) and isinstance(against, sa.BindParameter):
                self._bind(value.table.c.id, [(TOKEN, against.key)], scopes)
        right = self._selected(other.part, other.place) if isinstance(other, _Column) else self._nodes(other, scopes)
        left = self._nodes(one, scopes)
        if left and right and not all(node[0] == PARAMETER for node in (*left, *right)):
            here = set(scopes[-1].values())
            is_pin = any(node[0] == PARAMETER for node in (*left, *right))
            if not is_pin or here & {*left, *right}:  # a subquery does not say which rooms the outer query reads
                self._unite([*left, *right])

    def _bind(self, column: Any, to: list[Node], scopes: list[Scope]) -> None:
        found = self._nodes(column, scopes)
        if found and found[0] in scopes[-1].values():
            self._unite([*found, *to])

    def _inside(self, element: Any, scopes: list[Scope]) -> None:
        """Read the SELECTs inside of an expression."""
        for each in _subqueries(element):
            self._statement(each, scopes)


class _Column:
    """A column of a SELECT that a condition compares with."""

    def __init__(self, part: Any, place: int) -> None:
        self.part, self.place = part, place


def _froms(part: Any) -> list[Any]:
    """Return what a SELECT selects from. SQLAlchemy's `get_final_froms` would compile it without a database's types."""
    return list(part._compile_state_factory(part, _COMPILER)._get_display_froms())


def _is_token(value: Any) -> bool:
    table = getattr(value, "table", None)
    real = table.element if isinstance(table, sa.Alias) else table
    return isinstance(real, sa.Table) and (real.name, value.name) == ("rooms", "token")


def _leaves(each: Any) -> Iterator[sa.FromClause]:
    if isinstance(each, sa.Join):
        yield from _leaves(each.left)
        yield from _leaves(each.right)
    else:
        yield each


def _joins(each: Any) -> Iterator[sa.Join]:
    if isinstance(each, sa.Join):
        yield each
        yield from _joins(each.left)
        yield from _joins(each.right)


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, sa.sql.elements.Grouping):
        yield from _conjuncts(condition.element)
    elif isinstance(condition, sa.sql.elements.BooleanClauseList) and condition.operator is operators.and_:
        for each in condition.clauses:
            yield from _conjuncts(each)
    else:
        yield condition


def _parts(value: Any) -> list[Any]:
    while isinstance(value, sa.sql.elements.Grouping):
        value = value.element
    return list(value.clauses) if isinstance(value, sa.Tuple) else [value]


def _children(element: Any) -> Iterator[Any]:
    yield from cast("Iterator[Any]", element.get_children())
    if isinstance(element, one_of):
        yield element.column


def _subqueries(element: Any) -> Iterator[Any]:
    if isinstance(element, SelectBase | ScalarSelect):
        yield element
    elif not isinstance(element, sa.FromClause):
        for each in _children(element):
            yield from _subqueries(each)


def _named(element: Any) -> Iterator[sa.FromClause]:
    """Yield the tables whose columns an expression names, without those of SELECTs inside."""
    if isinstance(element, SelectBase | ScalarSelect):
        return
    table = getattr(element, "table", None)
    if isinstance(table, sa.FromClause):
        yield table
    elif not isinstance(element, sa.FromClause):
        for each in _children(element):
            yield from _named(each)
