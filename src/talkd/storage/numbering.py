"""No id is given twice, not even after a backup was restored (docs/adr/0009-ids-after-a-restore.md).

Clients ask for what follows the newest id they know. After a restore the database would give ids anew that clients
have seen already, and they would never hear of the new messages behind them. A restored database does not know that
it was restored, so every start skips as many ids as may have been given since the database was last written.
"""

from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from talkd.core import clock
from talkd.storage.database import Tx
from talkd.storage.schema import meta
from talkd.storage.statements import Statement, bind, word

BURST_PACE, BURST_SECONDS = 1000, 50
"""Ids skipped for each of the first seconds since the database was written: a busy minute, or a few restarts."""
LEAST_PACE = 10.0
"""Ids skipped for each second at least. Ids have to stay below 2^31, so a year of standing still costs a seventh."""
SAFETY = 10
"""How much busier than on the day before it was copied a server may have been afterwards."""
DAY = 86_400

_KEY = word("numbering")
_GET = Statement(sa.select(meta.c.value).where(meta.c.key == _KEY))
_SET = Statement(
    # Both databases speak the same ON CONFLICT; the PostgreSQL flavour of the construct compiles on SQLite too.
    insert(meta)
    .values(key=_KEY, value=bind("value"))
    .on_conflict_do_update(index_elements=["key"], set_={"value": bind("value", sa.Text)})
)
_LAST_ACTIVITY = Statement(sa.text("SELECT coalesce(max(last_activity), 0) FROM rooms"))


@dataclass(frozen=True, slots=True)
class Counters:
    """How a kind of database reads and raises the numbers that its tables have given."""

    prepare: Statement | None
    total: Statement
    skip: Statement


SQLITE = Counters(
    # A table has no counter before its first row, but may have had one after the copy was made.
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
    """What was so when the database was last written."""

    at: float
    total: int
    """All numbers given so far, of all tables."""
    pace: float
    """Numbers given in a second, over about a day."""


async def note(tx: Tx, counters: Counters) -> None:
    """Write down the time and how quickly ids are given; to be called every few seconds and at the end."""
    before = await _get_note(tx)
    total, now = int(await tx.value(counters.total)), clock.source()
    seconds = max(0.0, now - before.at) if before else 0.0
    if before is None or not seconds:
        pace = before.pace if before else 0.0
    else:
        pace = before.pace + ((total - before.total) / seconds - before.pace) * min(1.0, seconds / DAY)
    await _set_note(tx, _Note(now, total, max(0.0, pace)))


async def skip(tx: Tx, counters: Counters, *, after: int = 0) -> None:
    """Skip the ids that a later state of this database may have given, unless it was written in the last `after` s."""
    before = await _get_note(tx)
    total, now = int(await tx.value(counters.total)), clock.source()
    if before is None:  # new, or of an older talkd
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
    """Return how many ids may have been given within the seconds by a server that gave `pace` of them in a second.

    Starts that were lost have skipped ids, too. So the number grows with every part of a second by more than is given.
    """
    seconds = max(0.0, seconds) + 1
    return int(BURST_PACE * min(seconds, BURST_SECONDS) + max(LEAST_PACE, SAFETY * pace) * seconds)


async def _get_note(tx: Tx) -> _Note | None:
    text = await tx.value(_GET)
    return None if text is None else msgspec.json.decode(text, type=_Note)


async def _set_note(tx: Tx, note: _Note) -> None:
    await tx.run(_SET, value=msgspec.json.encode(note).decode())
