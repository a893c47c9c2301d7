"""Statements: written with SQLAlchemy Core, compiled to text once for each database, run on the raw driver."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from talkd.core import clock

_SQLITE = sqlite.dialect(paramstyle="named")
_POSTGRES = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]


def number(value: int) -> sa.ColumnElement[int]:
    """A fixed number of our own, written into the statement: as a parameter it would be bound anew each time."""
    return sa.literal_column(str(int(value)))


def word(text: str) -> sa.ColumnElement[str]:
    """A fixed text of our own, written into the statement in the same way."""
    return sa.literal_column(f"'{text}'")


ZERO, ONE, NOTHING = number(0), number(1), word("")
STAMP = "stamp"
"""The parameter that every statement fills in by itself with the current time."""


class Statement:
    """A statement that compiles itself on first use and is only text and names afterwards."""

    __slots__ = ("_clause", "_postgres", "_sqlite", "_stamps")

    def __init__(self, clause: sa.Executable) -> None:
        self._clause = clause
        self._stamps = False
        self._sqlite: tuple[str, dict[str, Any]] | None = None
        self._postgres: tuple[str, list[str], dict[str, Any]] | None = None

    def for_sqlite(self, parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Text with `:names`, and all their values."""
        if self._sqlite is None:
            compiled = self._clause.compile(dialect=_SQLITE)  # type: ignore[attr-defined]
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            self._sqlite = str(compiled), fixed
            self._stamps = STAMP in compiled.params
        text, fixed = self._sqlite
        if self._stamps:
            fixed = {**fixed, STAMP: clock.now()}
        return text, {**fixed, **parameters} if fixed else parameters

    def for_postgres(self, parameters: Mapping[str, Any]) -> tuple[str, Sequence[Any]]:
        """Text with `$1`, and the values in their order."""
        text, names, fixed = self._postgres or self.compile_postgres()
        if self._stamps:
            fixed = {**fixed, STAMP: clock.now()}
        return text, [parameters[name] if name in parameters else fixed[name] for name in names]

    def compile_postgres(self) -> tuple[str, list[str], dict[str, Any]]:
        """Return the text, the names of its `$1` … in their order, and the values that are fixed."""
        compiled = self._clause.compile(dialect=_POSTGRES)  # type: ignore[attr-defined]
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._postgres = str(compiled), list(compiled.positiontup or ()), fixed
        self._stamps = STAMP in compiled.params
        return self._postgres


class one_of(sa.ColumnElement[bool]):  # noqa: N801 - reads like SQL where it is used
    """`column` is in the list given as parameter `name` (a JSON text on SQLite, an array on PostgreSQL).

    Pass the parameter through `many`, which makes the form that each driver takes.
    """

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)
        self.array: sa.BindParameter[Any] = sa.bindparam(name, type_=postgresql.ARRAY(column.type))

    def self_group(self, against: Any = None) -> "one_of":  # noqa: ARG002 - the base gives it
        """As it is: SQLAlchemy would write `… = 1` behind it for SQLite, which then reads the whole table."""
        return self


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    return f"{column} IN (SELECT value FROM json_each({compiler.process(element.values, **options)}))"


@compiles(one_of, "postgresql")
def _one_of_postgres(element: one_of, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    return f"{column} = ANY({compiler.process(element.array, **options)})"


class folded(sa.ColumnElement[str]):  # noqa: N801 - reads like SQL where it is used
    """A user id or an e-mail address in any case. Compare it with `core.names.folded`; there is an index of both."""

    inherit_cache = False
    type = sa.Text()

    def __init__(self, column: sa.ColumnElement[str]) -> None:
        self.column = column


@compiles(folded, "sqlite")
def _folded_sqlite(element: folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} COLLATE NOCASE"


@compiles(folded, "postgresql")
def _folded_postgres(element: folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.column, **options)})"


class contains(sa.ColumnElement[bool]):  # noqa: N801 - reads like SQL where it is used
    """The row of `messages` has the text given as parameter `name` in it, whatever the case.

    Both databases look it up in an index of all sequences of three characters (docs/adr/0007-search.md). It holds
    what counts as unread (`countable`), so say so in the statement too.

    The index is asked for `sequences`, which is what `rarest_sequences` gives for the text, and the rows are compared
    with the text itself. SQLite takes the newest `portion` messages below the id `before` that the index finds, if the
    text has three characters or more. PostgreSQL ignores both parameters: its index has no order.
    """

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, messages: sa.FromClause, name: str) -> None:
        self.id = messages.c.id
        self.searched = _searched(messages)
        self.searched_late = _searched(messages.alias("late"))
        self.holds = holds(messages, name)
        self.term: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)
        self.sequences: sa.BindParameter[Any] = sa.bindparam("sequences", type_=sa.Text)
        self.before: sa.BindParameter[Any] = sa.bindparam("before", type_=sa.BigInteger)
        self.portion: sa.BindParameter[Any] = sa.bindparam("portion", type_=sa.BigInteger)

    def self_group(self, against: Any = None) -> "contains":  # noqa: ARG002 - the base gives it
        """As it is: it brings its own parentheses."""
        return self


def _searched(messages: sa.FromClause) -> sa.ColumnElement[str]:
    return sa.func.lower(sa.func.coalesce(sa.func.nullif(messages.c.plain, NOTHING), messages.c.message))


@compiles(contains, "sqlite")
def _contains_sqlite(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.id, **options)
    term = compiler.process(element.term, **options)
    searched = compiler.process(element.searched_late, **options)
    before, portion, sequences, holds_term = (
        compiler.process(each, **options)
        for each in (element.before, element.portion, element.sequences, element.holds)
    )
    # FTS5 finds nothing by less than three characters, but its vocabulary lists what begins with them. The newest
    # messages are not in there yet (storage/sqlite_search.py).
    return (
        f"(length({term}) < 3 OR {holds_term}) AND "
        f"{column} IN (SELECT * FROM (SELECT rowid FROM messages_search WHERE messages_search MATCH {sequences} "
        f"AND rowid < {before} ORDER BY rowid DESC LIMIT {portion}) UNION ALL "
        f"SELECT doc FROM messages_search_grams WHERE length({term}) < 3 "
        f"AND term >= search_prefix({term}) AND term < search_prefix({term}) || char(1114111) UNION ALL "
        "SELECT late.id FROM messages AS late WHERE late.id > (SELECT upto FROM messages_searchable) "
        f"AND instr({searched}, lower({term})) > 0)"
    )


@compiles(contains, "postgresql")
def _contains_postgres(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    searched = compiler.process(element.searched, **options)
    term, sequences = (compiler.process(each, **options) for each in (element.term, element.sequences))
    return f"(search_grams({searched}) @@ CAST({sequences} AS tsquery) AND strpos({searched}, lower({term})) > 0)"


class holds(sa.ColumnElement[bool]):  # noqa: N801 - reads like SQL where it is used
    """The same as `contains`, found by reading the row. No text at all is in every row."""

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, messages: sa.FromClause, name: str) -> None:
        self.text = sa.func.coalesce(sa.func.nullif(messages.c.plain, NOTHING), messages.c.message)
        self.term: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)

    def self_group(self, against: Any = None) -> "holds":  # noqa: ARG002 - the base gives it
        """As it is: it brings its own parentheses."""
        return self


@compiles(holds, "sqlite")
def _holds_sqlite(element: holds, compiler: SQLCompiler, **options: Any) -> str:
    text, term = compiler.process(element.text, **options), compiler.process(element.term, **options)
    # LIKE ignores the case of ASCII letters; texts with others are stored without case. It is faster than `lower`.
    escaped = f"replace(replace(replace({term}, '~', '~~'), '%', '~%'), '_', '~_')"
    return f"({text} LIKE '%' || {escaped} || '%' ESCAPE '~')"


@compiles(holds, "postgresql")
def _holds_postgres(element: holds, compiler: SQLCompiler, **options: Any) -> str:
    text, term = compiler.process(element.text, **options), compiler.process(element.term, **options)
    return f"(strpos(lower({text}), lower({term})) > 0)"


class is_found_often(sa.ColumnElement[int]):  # noqa: N801 - reads like SQL where it is used
    """1 if the index would take long to list all messages with the text given as parameter `name`.

    SQLite counts those with its `sequences`. On PostgreSQL it is an estimate.
    """

    inherit_cache = False
    type = sa.Integer()

    def __init__(self, name: str) -> None:
        self.term: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)
        self.sequences: sa.BindParameter[Any] = sa.bindparam("sequences", type_=sa.Text)


_KNOWN = (
    "SELECT unnest(most_common_elems::text::text[]) AS gram, unnest(most_common_elem_freqs) AS share "
    "FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'messages_search'"
)
"""The sequences that ANALYZE found most often, and the share of the messages that hold each."""

COMMON = 10_000
"""A text is common on SQLite if the index has it so often."""
COMMON_SHARE = 0.005
"""A text is common on PostgreSQL if its rarest sequence of three characters is in this share of the messages."""


@compiles(is_found_often, "sqlite")
def _is_found_often_sqlite(element: is_found_often, compiler: SQLCompiler, **options: Any) -> str:
    term, sequences = (compiler.process(each, **options) for each in (element.term, element.sequences))
    return (
        f"(SELECT CASE WHEN length({term}) < 3 THEN (SELECT count(*) FROM (SELECT 1 FROM messages_search_grams "
        f"WHERE term >= search_prefix({term}) AND term < search_prefix({term}) || char(1114111) LIMIT {COMMON})) "
        f"ELSE (SELECT count(*) FROM (SELECT 1 FROM messages_search WHERE messages_search MATCH {sequences} "
        f"LIMIT {COMMON})) END = {COMMON})"
    )


@compiles(is_found_often, "postgresql")
def _is_found_often_postgres(element: is_found_often, compiler: SQLCompiler, **options: Any) -> str:
    term = compiler.process(element.term, **options)
    # A short text is as common as all that begin with it.
    return (
        f"(WITH known AS ({_KNOWN}) "
        f"SELECT CAST(coalesce(CASE WHEN char_length({term}) < 3 "
        f"THEN (SELECT sum(share) FROM known WHERE starts_with(gram, lower({term}))) "
        "ELSE (SELECT min(coalesce(share, 0)) "
        f"FROM generate_series(1, char_length({term}) - 2) AS places(place) "
        f"LEFT JOIN known ON gram = substr(lower({term}), place, 3)) END, 0) >= {COMMON_SHARE} AS integer))"
    )


class rarest_sequences(sa.ColumnElement[str]):  # noqa: N801 - reads like SQL where it is used
    """What `contains` asks the index for the text given as parameter `name`: its rarest sequences of three characters.

    Asked for all of them, an index reads long lists that leave out little. SQLite counts among the newest messages,
    PostgreSQL takes what ANALYZE found.
    """

    inherit_cache = False
    type = sa.Text()

    def __init__(self, name: str) -> None:
        self.term: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)


ASKED = 3
"""Sequences that the index is asked for. For a common text, PostgreSQL is asked for one: it multiplies the shares of
several, takes the text for rare, and does not ask the index of rooms at the same time.
"""
LOOKED_AT = 48
"""Sequences of a text among which the rarest are looked for: its first ones."""
SAMPLE, SAMPLE_IDS = 300, 2_000
"""Messages in which SQLite counts sequences, and among how many of the newest ids it takes them."""


@compiles(rarest_sequences, "sqlite")
def _rarest_sequences_sqlite(element: rarest_sequences, compiler: SQLCompiler, **options: Any) -> str:
    term = compiler.process(element.term, **options)
    return (
        "(WITH RECURSIVE places(place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM places "
        f"WHERE place < min({LOOKED_AT}, length({term}) - 2)), "
        "sample AS MATERIALIZED (SELECT lower(coalesce(nullif(plain, ''), message)) AS text FROM messages "
        f"WHERE id > (SELECT max(id) FROM messages) - {SAMPLE_IDS} AND countable = 1 "
        f"ORDER BY id DESC LIMIT {SAMPLE}) "
        "SELECT group_concat('\"' || replace(sequence, '\"', '\"\"') || '\"', ' AND ') FROM (SELECT DISTINCT "
        f"substr({term}, place, 3) AS sequence FROM places "
        f"ORDER BY (SELECT count(*) FROM sample WHERE instr(text, sequence) > 0) LIMIT {ASKED}))"
    )


@compiles(rarest_sequences, "postgresql")
def _rarest_sequences_postgres(element: rarest_sequences, compiler: SQLCompiler, **options: Any) -> str:
    term = compiler.process(element.term, **options)
    quoted = r"'''' || replace(replace(sequence, '\', '\\'), '''', '''''') || ''''"
    # A text of one or two characters is asked for by what begins with it.
    return (
        f"(WITH known AS ({_KNOWN}), sequences AS (SELECT DISTINCT sequence, coalesce(share, 0) AS share "
        f"FROM generate_series(1, least({LOOKED_AT}, greatest(1, char_length({term}) - 2))) AS places(place) "
        f"CROSS JOIN LATERAL (SELECT substr(lower({term}), place, 3) AS sequence) AS cut "
        "LEFT JOIN known ON gram = sequence) "
        f"SELECT string_agg({quoted} || CASE WHEN char_length({term}) < 3 THEN ':*' ELSE '' END, ' & ') FROM "
        "(SELECT sequence FROM sequences ORDER BY share, sequence LIMIT "
        f"(SELECT CASE WHEN min(share) < {COMMON_SHARE} THEN {ASKED} ELSE 1 END FROM sequences)) AS rarest)"
    )


def bind(
    name: str, kind: sa.types.TypeEngine[Any] | type[sa.types.TypeEngine[Any]] | None = None
) -> sa.BindParameter[Any]:
    """A named parameter; give `kind` where the column beside it does not tell the type."""
    return sa.bindparam(name, type_=kind) if kind is not None else sa.bindparam(name)


def by_value(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The number in a column, in a form that no index has.

    Use it where an index of this column would be read from one end to the other although another one finds the few
    wanted rows: SQLite prefers an index that has the wanted order, or the first columns of a key.
    """
    return column + ZERO


def columns(table: sa.FromClause, names: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    """The table's columns by name, in that order: what a dataclass with these fields is built from."""
    return [table.c[name] for name in names]
