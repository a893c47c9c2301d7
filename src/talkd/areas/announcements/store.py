"""Statements about announcements."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import announcements, meta
from talkd.storage.statements import Statement, bind, word


class Stored(NamedTuple):
    """An announcement as it is stored; `events` is JSON."""

    id: int
    events: str


_LOCK = Statement(sa.select(meta.c.value).where(meta.c.key == word("announcements")).with_for_update())
_ADD = Statement(sa.insert(announcements).values(created_at=bind("now"), events=bind("events")))
_STORED = shape_of(Stored, announcements.c.id, announcements.c.events)
_AFTER = Query(
    sa.select(*_STORED).where(announcements.c.id > bind("known")).order_by(announcements.c.id),
    _STORED,
)
_NEWEST = Statement(sa.select(sa.func.max(announcements.c.id)))
_FORGET = Statement(
    sa.delete(announcements).where(announcements.c.id <= bind("known"), announcements.c.created_at < bind("before"))
)


async def add(tx: Tx, events: str, now: int) -> None:
    """Store an announcement. Others wait until this transaction ends, so that ids rise in the order of commits."""
    await tx.lock(_LOCK)
    await tx.run(_ADD, events=events, now=now)


async def list_after(tx: Tx, known: int) -> list[Stored]:
    """Return the announcements after a known one, oldest first."""
    return await tx.list(_AFTER, known=known)


async def get_newest(tx: Tx) -> int:
    """Return the id of the newest announcement, or 0."""
    return await tx.value(_NEWEST) or 0


async def delete_before(tx: Tx, known: int, before: int) -> None:
    """Delete the announcements up to a known one that were stored before the time `before`."""
    await tx.run(_FORGET, known=known, before=before)
