"""Add new messages to SQLite's search index, some time after they were stored.

Indexing a single message takes 70 µs, a fifth of the time that sending one may take. So many messages are indexed at
once, later. Until then `contains` reads the newest messages one by one. Triggers update the index at once when an
indexed message is edited or deleted (migration 0003).
"""

from typing import Any

import apsw
import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.statements import Statement

OWN_TABLES = (
    "messages_searchable",
    "messages_search",
    "messages_search_grams",
    *(f"messages_search_{part}" for part in ("config", "content", "data", "docsize", "idx")),
)
"""The tables of the index. They follow from `messages`."""
AT_ONCE = 200
"""Messages indexed at once. This usually takes 3 ms, at worst 30 ms, and all other tasks wait for it."""

_IS_BEHIND = Statement(sa.text("SELECT 1 FROM messages WHERE id > (SELECT upto FROM messages_searchable) LIMIT 1"))
_TARGET = Statement(
    sa.text(
        "SELECT max(id), count(*) FROM (SELECT id FROM messages WHERE id > (SELECT upto FROM messages_searchable) "
        "ORDER BY id LIMIT :at_once)"
    )
)
_ADD = Statement(
    sa.text(
        "INSERT INTO messages_search(rowid, text) "
        "SELECT id, coalesce(nullif(plain, ''), message) || char(10, 10) FROM messages "
        "WHERE id > (SELECT upto FROM messages_searchable) AND id <= :target AND countable = 1"
    )
)
_ADVANCE = Statement(sa.text("UPDATE messages_searchable SET upto = :target"))


def add_functions(connection: apsw.Connection) -> None:
    """Add the SQL function `search_prefix(term)`, for terms of one or two characters.

    It returns how sequences in the index begin that start with the term. Only the tokenizer knows which letters it
    treats as the same, such as `ς` and `σ`.
    """
    tokenize = connection.fts5_tokenizer("trigram", [])

    def prefix(term: str) -> str:
        short = term[:2]  # SQLite may call this with longer terms, and not use the result
        sequences = tokenize(f"{short}\n\n".encode(), apsw.FTS5_TOKENIZE_QUERY, None, include_offsets=False)
        return str(next(iter(sequences), ("",))[0])[: len(short)]

    connection.create_scalar_function("search_prefix", prefix, 1, deterministic=True)  # type: ignore[arg-type]


async def is_behind(tx: Tx) -> bool:
    """Return True if some messages are not in the index."""
    return await tx.one(_IS_BEHIND) is not None


async def index_messages(tx: Tx) -> bool:
    """Index the next batch. Return True if it was full, so that there may be more."""
    row = await tx.one(_TARGET, at_once=AT_ONCE)
    assert row is not None, "an aggregate always has a row"
    target, found = row
    if found:
        await tx.run(_ADD, target=target)
        await tx.run(_ADVANCE, target=target)
    return bool(found == AT_ONCE)


def index_next(connection: apsw.Connection, at_once: int) -> int:
    """Index the next batch in the open transaction, without a server. Return how many messages it had."""
    row: Any = connection.execute(*_TARGET.for_sqlite({"at_once": at_once})).fetchone()
    target, found = row
    if found:
        connection.execute(*_ADD.for_sqlite({"target": target}))
        connection.execute(*_ADVANCE.for_sqlite({"target": target}))
    return int(found)
