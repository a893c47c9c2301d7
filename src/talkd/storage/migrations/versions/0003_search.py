"""Add the search index: all sequences of three characters in messages."""

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SEARCHED = "coalesce(nullif({0}plain, ''), {0}message)"
PADDED = SEARCHED + " || char(10, 10)"
"""Text with two line breaks appended, so that every character begins a sequence of three. No message ends with one."""


def upgrade() -> None:
    """Add the index with all existing messages."""
    op.add_column("messages", sa.Column("plain", sa.Text, nullable=False, server_default=""))
    _fill_plain()
    if op.get_bind().dialect.name == "postgresql":
        _index_postgres()
    else:
        _index_sqlite()


def _fill_plain() -> None:
    """Store the searched text of messages with placeholders, with names in their place."""
    connection = op.get_bind()
    messages = sa.table("messages", *(sa.column(name) for name in ("room_id", "id", "message", "plain", "parameters")))
    speaking = sa.select(messages.c.room_id, messages.c.id, messages.c.message, messages.c.parameters).where(
        messages.c.parameters != "", sa.column("countable") == 1
    )
    for room_id, message_id, message, parameters in connection.execute(speaking).all():
        names = {
            key: ("@" if each["type"] == "users" else "") + each.get("name", "")
            for key, each in json.loads(parameters).items()
        }
        connection.execute(
            sa.update(messages)
            .where(messages.c.room_id == room_id, messages.c.id == message_id)
            .values(plain=_with_names(message, names))
        )


def _with_names(message: str, names: dict[str, str]) -> str:
    return re.sub(r"\{([\w\-]+)\}", lambda match: names.get(match[1], match[0]), message)


def _index_sqlite() -> None:
    """Create the index with all messages up to an id. `storage/sqlite_search.py` adds newer ones later."""
    op.execute("CREATE VIRTUAL TABLE messages_search USING fts5(text, content='', tokenize='trigram')")
    op.execute("CREATE VIRTUAL TABLE messages_search_grams USING fts5vocab('messages_search', 'instance')")
    op.execute("CREATE TABLE messages_searchable (upto INTEGER NOT NULL) STRICT")
    op.execute("INSERT INTO messages_searchable SELECT coalesce(max(id), 0) FROM messages")
    op.execute(
        f"INSERT INTO messages_search(rowid, text) SELECT id, {PADDED.format('')} "  # noqa: S608 - no input
        "FROM messages WHERE countable = 1"
    )
    remove = (
        "INSERT INTO messages_search(messages_search, rowid, text) "
        f"SELECT 'delete', old.id, {PADDED.format('old.')} WHERE old.countable = 1;"
    )
    add = f"INSERT INTO messages_search(rowid, text) SELECT new.id, {PADDED.format('new.')} WHERE new.countable = 1;"
    is_in = "WHEN old.id <= (SELECT upto FROM messages_searchable)"
    op.execute(f"CREATE TRIGGER messages_search_remove AFTER DELETE ON messages {is_in} BEGIN {remove} END")
    op.execute(
        "CREATE TRIGGER messages_search_change AFTER UPDATE OF message, plain, countable ON messages "
        f"{is_in} BEGIN {remove} {add} END"
    )


def _index_postgres() -> None:
    op.execute("""
        CREATE FUNCTION search_grams(text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
            SELECT array_to_tsvector(coalesce(array_agg(DISTINCT gram), '{}'))
            FROM (
                SELECT letter || lead(letter, 1, E'\\n') OVER (ORDER BY place)
                              || lead(letter, 2, E'\\n') OVER (ORDER BY place) AS gram
                FROM unnest(string_to_array($1, NULL)) WITH ORDINALITY AS letters(letter, place)
            ) AS grams
        $$
    """)
    op.execute("""
        CREATE FUNCTION search_query(text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT string_agg(
                '''' || replace(replace(substr($1, place, 3), E'\\\\', E'\\\\\\\\'), '''', '''''') || ''''
                    || CASE WHEN char_length($1) < 3 THEN ':*' ELSE '' END,
                ' & '
            )\\:\\:tsquery
            FROM generate_series(1, greatest(1, char_length($1) - 2)) AS places(place)
        $$
    """)
    op.execute(
        f"CREATE INDEX messages_search ON messages USING gin (search_grams(lower({SEARCHED.format('')}))) "
        "WHERE countable = 1"
    )
