"""Never use an id twice, not even after a backup was restored (docs/adr/0009-ids-after-a-restore.md).

Clients request the messages after the newest id that they know. After a restore the database would use ids again that
clients have already seen, so they would miss the new messages with these ids. A restored database cannot know that it
was restored. So at every start the server skips as many ids as may have been used since the last write.
"""

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from talkd.core import clock
from talkd.storage.database import Tx
from talkd.storage.schema import meta
from talkd.storage.statements import Statement, bind, insert, word

BURST_PACE, BURST_SECONDS = 1000, 50
"""For each of the first BURST_SECONDS since the last write, BURST_PACE ids are skipped: enough for a busy minute or a
few restarts.
"""
LEAST_PACE = 10.0
"""Minimum number of ids skipped for each second. Ids must stay below 2^31; a year without a server uses a seventh."""
SAFETY = 10
"""The server may have been this many times as busy after the backup as on the day before."""
DAY = 86_400

_KEY = word("numbering")
_GET = Statement(sa.select(meta.c.value).where(meta.c.key == _KEY))
_SET = Statement(
    insert(meta)
    .values(key=_KEY, value=bind("value"))
    .on_conflict_do_update(index_elements=["key"], set_={"value": bind("value", sa.Text)})
)
_LAST_ACTIVITY = Statement(sa.text("SELECT coalesce(max(last_activity), 0) FROM rooms"))


@dataclass(frozen=True, slots=True)
class Counters:
    """The statements with which a database reads and raises the id counters of its tables."""

    prepare: Statement | None
    total: Statement
    skip: Statement


SQLITE = Counters(
    # A table has no counter before its first row, but may have got one after the backup was made.
    prepare=Statement(
        sa.text(
            "INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master WHERE type = 'table' "
            "AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)"
        )
    ),
    total=Statement(sa.text("SELECT coalesce(sum(seq), 0) FROM sqlite_sequence")),
    skip=Statement(sa.text("UPDATE sqlite_sequence SET seq = seq + :by")),
)
POSTGRES = Counters(
    prepare=None,
    total=Statement(
        sa.text("SELECT coalesce(sum(last_value), 0)::bigint FROM pg_sequences WHERE schemaname = current_schema()")
    ),
    skip=Statement(
        sa.text(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, 0) + :by) "
            "FROM pg_sequences WHERE schemaname = current_schema()"
        ).bindparams(sa.bindparam("by", type_=sa.BigInteger))
    ),
)


class _Note(msgspec.Struct):
    """The state of the counters at the last write."""

    at: float
    total: int
    """Sum of the id counters of all tables."""
    pace: float
    """Ids used per second, averaged over about a day."""


async def note(tx: Tx, counters: Counters) -> None:
    """Store the time and how fast ids are used. Call this every few seconds and when the server stops."""
    before = await _get_note(tx)
    total, now = int(await tx.value(counters.total)), clock.source()
    seconds = max(0.0, now - before.at) if before else 0.0
    if before is None or not seconds:
        pace = before.pace if before else 0.0
    else:
        pace = before.pace + ((total - before.total) / seconds - before.pace) * min(1.0, seconds / DAY)
    await _set_note(tx, _Note(now, total, max(0.0, pace)))


async def skip(tx: Tx, counters: Counters, *, after: int = 0) -> None:
    """Skip the ids that a later state of this database may have used.

    `after`: do nothing if the last write was less than this many seconds ago.
    """
    before = await _get_note(tx)
    total, now = int(await tx.value(counters.total)), clock.source()
    if before is None:  # a new database, or one of an older talkd
        before = _Note(int(await tx.value(_LAST_ACTIVITY)), total, 0.0)
    if total and (not after or now - before.at >= after):
        if counters.prepare is not None:
            await tx.run(counters.prepare)
        await tx.all(counters.skip, by=ids_to_skip(before.pace, now - before.at))
        total = int(await tx.value(counters.total))
    elif after:
        return
    await _set_note(tx, _Note(now, total, before.pace))


def ids_to_skip(pace: float, seconds: float) -> int:
    """Return how many ids a server that uses `pace` ids per second may have used in this many seconds.

    One second is added, because starts since the backup have skipped ids too.
    """
    seconds = max(0.0, seconds) + 1
    return int(BURST_PACE * min(seconds, BURST_SECONDS) + max(LEAST_PACE, SAFETY * pace) * seconds)


async def _get_note(tx: Tx) -> _Note | None:
    text = await tx.value(_GET)
    return None if text is None else msgspec.json.decode(text, type=_Note)


async def _set_note(tx: Tx, note: _Note) -> None:
    await tx.run(_SET, value=msgspec.json.encode(note).decode())
