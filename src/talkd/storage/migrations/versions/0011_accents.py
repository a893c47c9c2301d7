"""Ignore accents and Unicode forms when searching: compute the searched text of existing messages again."""

import sqlalchemy as sa
from alembic import op

from talkd.core.search import searchable

revision = "0011"
down_revision = "0010"

SEARCHED = "coalesce(nullif(plain, ''), message)"


def upgrade() -> None:
    """Add the SQL function, and compute texts that are not ASCII again. The indexes are updated by themselves."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    if is_postgres:
        _add_function()
    wide = f"octet_length({SEARCHED})" if is_postgres else f"length(CAST({SEARCHED} AS BLOB))"
    wanted = f"SELECT room_id, id, {SEARCHED} FROM messages WHERE countable = 1 AND {wide} > length({SEARCHED})"  # noqa: S608
    messages = sa.table("messages", *(sa.column(name) for name in ("room_id", "id", "plain")))
    for room_id, message_id, text in op.get_bind().execute(sa.text(wanted)).all():
        op.get_bind().execute(
            sa.update(messages)
            .where(messages.c.room_id == room_id, messages.c.id == message_id)
            .values(plain=searchable(text))
        )


def _add_function() -> None:
    """Add a function that does the same as `core/search.py`, which SQLite can call directly."""
    op.get_bind().exec_driver_sql(r"""
        CREATE FUNCTION search_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT replace(replace(
                lower(normalize(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]', '', 'g'), NFC)),
                'ß', 'ss'), 'ς', 'σ')
        $$
    """)
