"""Statements, written with SQLAlchemy Core and compiled to text once for each database."""

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
    """Return a constant number, written into the text of the statement. A parameter would be bound at each run."""
    return sa.literal_column(str(int(value)))


def word(text: str) -> sa.ColumnElement[str]:
    """Return a constant text, written into the text of the statement. It must not contain a quote."""
    return sa.literal_column(f"'{text}'")


ZERO, ONE, EMPTY = number(0), number(1), word("")
insert = postgresql.insert
"""INSERT with ON CONFLICT. Both databases have the same syntax, so PostgreSQL's construct also compiles on SQLite."""
STAMP = "stamp"
"""A parameter that every statement sets to the current time by itself."""


class Statement:
    """A statement that is compiled on first use. Then only its text and the names of its parameters are used.

    `together`: PostgreSQL may run it once for several transactions or requests (`postgres_batches.py`). It is a SELECT,
    or an UPDATE of one table by a key that is among its parameters, and takes no lists.
    """

    __slots__ = ("_clause", "_postgres", "_sqlite", "_stamps", "together", "writes")

    def __init__(self, clause: sa.Executable, *, together: bool = False) -> None:
        self._clause = clause
        self.together = together
        self.writes = not isinstance(clause, sa.Select | sa.CompoundSelect)
        self._stamps = False
        self._sqlite: tuple[str, dict[str, Any]] | None = None
        self._postgres: tuple[str, list[str], dict[str, Any]] | None = None

    def for_sqlite(self, parameters: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Return the text with `:names`, and the values by name."""
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
        """Return the text with `$1`, `$2`…, and the values in this order."""
        text, names, _ = self._postgres or self.compile_postgres()
        fixed = self.constants()
        return text, [parameters[name] if name in parameters else fixed[name] for name in names]

    def constants(self) -> Mapping[str, Any]:
        """Return the parameters that the statement sets by itself."""
        _, _, fixed = self._postgres or self.compile_postgres()
        return {**fixed, STAMP: clock.now()} if self._stamps else fixed

    def compile_postgres(self) -> tuple[str, list[str], dict[str, Any]]:
        """Return the text, the names of `$1`, `$2`… in this order, and the constant values."""
        compiled = self._clause.compile(dialect=_POSTGRES)  # type: ignore[attr-defined]
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._postgres = str(compiled), list(compiled.positiontup or ()), fixed
        self._stamps = STAMP in compiled.params
        return self._postgres


class one_of(sa.ColumnElement[bool]):  # noqa: N801 - reads like SQL where it is used
    """`column` is in the list in the parameter `name`, a JSON text on SQLite and an array on PostgreSQL.

    `Tx.many` returns the list in the form that the database takes.
    """

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        self.column = column
        self.values: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)
        self.array: sa.BindParameter[Any] = sa.bindparam(name, type_=postgresql.ARRAY(column.type))

    def self_group(self, against: Any = None) -> "one_of":  # noqa: ARG002 - the base gives it
        """Return itself. For SQLite, SQLAlchemy would append `= 1`, and SQLite would then read the whole table."""
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
    """A user id or e-mail address without case, to compare with `core.names.folded`. Indexes exist for this form."""

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
    """The row of `messages` contains the text in the parameter `name`, ignoring case.

    Both databases use an index of all sequences of three characters (docs/adr/0007-search.md). The index contains only
    messages that count as unread, so the statement needs the condition `countable = 1` too.

    The parameter `sequences` is the result of `rarest_sequences`: the index is searched for these, and the found rows
    are compared with the text. For texts of three characters or more, SQLite takes the newest `portion` matches below
    the id `before`. PostgreSQL ignores these two parameters, because its index has no order.
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
        """Return itself, as the SQL text has parentheses."""
        return self


def _searched(messages: sa.FromClause) -> sa.ColumnElement[str]:
    return sa.func.lower(sa.func.coalesce(sa.func.nullif(messages.c.plain, EMPTY), messages.c.message))


@compiles(contains, "sqlite")
def _contains_sqlite(element: contains, compiler: SQLCompiler, **options: Any) -> str:
    column = compiler.process(element.id, **options)
    term = compiler.process(element.term, **options)
    searched = compiler.process(element.searched_late, **options)
    before, portion, sequences, holds_term = (
        compiler.process(each, **options)
        for each in (element.before, element.portion, element.sequences, element.holds)
    )
    # FTS5 finds no text of less than three characters, but its vocabulary lists the sequences that begin with it. The
    # newest messages are not in the index yet (storage/sqlite_search.py).
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
    """The same condition as `contains`, without the index. Every row contains the empty text."""

    inherit_cache = False
    type = sa.Boolean()

    def __init__(self, messages: sa.FromClause, name: str) -> None:
        self.text = sa.func.coalesce(sa.func.nullif(messages.c.plain, EMPTY), messages.c.message)
        self.term: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)

    def self_group(self, against: Any = None) -> "holds":  # noqa: ARG002 - the base gives it
        """Return itself, as the SQL text has parentheses."""
        return self


@compiles(holds, "sqlite")
def _holds_sqlite(element: holds, compiler: SQLCompiler, **options: Any) -> str:
    text, term = compiler.process(element.text, **options), compiler.process(element.term, **options)
    # LIKE ignores the case of ASCII letters, and other texts are stored without case. It is faster than `lower`.
    escaped = f"replace(replace(replace({term}, '~', '~~'), '%', '~%'), '_', '~_')"
    return f"({text} LIKE '%' || {escaped} || '%' ESCAPE '~')"


@compiles(holds, "postgresql")
def _holds_postgres(element: holds, compiler: SQLCompiler, **options: Any) -> str:
    text, term = compiler.process(element.text, **options), compiler.process(element.term, **options)
    return f"(strpos(lower({text}), lower({term})) > 0)"


class is_found_often(sa.ColumnElement[int]):  # noqa: N801 - reads like SQL where it is used
    """1 if the index would take long to list all messages that contain the text in the parameter `name`.

    SQLite counts the messages with its `sequences`. PostgreSQL estimates their number.
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
"""The most frequent sequences according to ANALYZE, each with the share of messages that contain it."""

COMMON = 10_000
"""A text is common on SQLite if this many messages contain it."""
COMMON_SHARE = 0.005
"""A text is common on PostgreSQL if this share of messages contains its rarest sequence of three characters."""


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
    # A short text is as common as all sequences that begin with it together.
    return (
        f"(WITH known AS ({_KNOWN}) "
        f"SELECT CAST(coalesce(CASE WHEN char_length({term}) < 3 "
        f"THEN (SELECT sum(share) FROM known WHERE starts_with(gram, lower({term}))) "
        "ELSE (SELECT min(coalesce(share, 0)) "
        f"FROM generate_series(1, char_length({term}) - 2) AS places(place) "
        f"LEFT JOIN known ON gram = substr(lower({term}), place, 3)) END, 0) >= {COMMON_SHARE} AS integer))"
    )


class rarest_sequences(sa.ColumnElement[str]):  # noqa: N801 - reads like SQL where it is used
    """The rarest sequences of three characters in the text in the parameter `name`, for the index in `contains`.

    Searching for all sequences would make the index read long lists that exclude few messages. SQLite counts sequences
    in a sample of the newest messages; PostgreSQL uses the statistics of ANALYZE.
    """

    inherit_cache = False
    type = sa.Text()

    def __init__(self, name: str) -> None:
        self.term: sa.BindParameter[Any] = sa.bindparam(name, type_=sa.Text)


ASKED = 3
"""Number of sequences to search for. On PostgreSQL it is 1 for a common text: for several, PostgreSQL multiplies their
shares, expects few matches, and does not combine the index with that of rooms.
"""
LOOKED_AT = 48
"""Only this many sequences at the start of a text are considered."""
SAMPLE, SAMPLE_IDS = 300, 2_000
"""Number of messages in which SQLite counts sequences, and number of newest ids from which it takes them."""


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
    # A text of one or two characters is searched for as the beginning of sequences.
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
    """Return a named parameter. `kind` is needed where SQLAlchemy cannot derive the type from a column."""
    return sa.bindparam(name, type_=kind) if kind is not None else sa.bindparam(name)


def by_value(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return the value of a column, in a form for which no index is used.

    SQLite prefers an index that has the requested order or the first columns of a key, and would read all of it, even
    if another index finds the few requested rows.
    """
    return column + ZERO


def columns(table: sa.FromClause, names: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    """Return columns of the table by name, in this order."""
    return [table.c[name] for name in names]
