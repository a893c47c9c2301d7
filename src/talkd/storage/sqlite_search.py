"""SQLite's index of what can be searched follows at some distance.

Taking a message in costs 70 µs when it is alone, a fifth of what sending one may cost altogether. So it is done
later, many at once; until then `contains` reads the newest messages one by one. What is edited or deleted after that
is put right by triggers, at once (migration 0003).
"""

import apsw
import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.statements import Statement

AT_ONCE = 200
"""Messages taken in at once: 3 ms as a rule, 30 at worst, during which everybody else waits."""

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
    """Teach a connection `search_prefix(term)`: how sequences in the index begin that hold a term of one or two
    characters. Only the tokenizer knows which letters it takes for one: `ς` for `σ`, `µ` for `μ`.
    """
    tokenize = connection.fts5_tokenizer("trigram", [])

    def prefix(term: str) -> str:
        short = term[:2]  # SQLite may ask for longer ones too, and not use the answer
        sequences = tokenize(f"{short}\n\n".encode(), apsw.FTS5_TOKENIZE_QUERY, None, include_offsets=False)
        return str(next(iter(sequences), ("",))[0])[: len(short)]

    connection.create_scalar_function("search_prefix", prefix, 1, deterministic=True)  # type: ignore[arg-type]


async def is_behind(tx: Tx) -> bool:
    """Whether there are messages that the index does not know."""
    return await tx.one(_IS_BEHIND) is not None


async def index_messages(tx: Tx) -> bool:
    """Take in the next ones, if there are any; whether that were as many as can be at once."""
    row = await tx.one(_TARGET, at_once=AT_ONCE)
    assert row is not None, "an aggregate always has a row"
    target, found = row
    if found:
        await tx.run(_ADD, target=target)
        await tx.run(_ADVANCE, target=target)
    return bool(found == AT_ONCE)
