"""Statements about announcements, and about the processes that serve the database."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from talkd.bus.others import Process
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, announcements, meta, processes
from talkd.storage.statements import Statement, bind, insert, one_of, word


class Stored(NamedTuple):
    """An announcement as it is stored; `events` is JSON, and `parcels` a list in MessagePack."""

    id: int
    events: str
    parcels: bytes | None


_LOCK = Statement(sa.select(meta.c.value).where(meta.c.key == word("announcements")).with_for_update())
_ADD = Statement(
    sa.insert(announcements).values(created_at=bind("now"), events=bind("events"), parcels=bind("parcels"))
)
_STORED = shape_of(Stored, announcements.c.id, announcements.c.events, announcements.c.parcels)
_AFTER = Query(
    sa.select(*_STORED).where(announcements.c.id > bind("known")).order_by(announcements.c.id),
    _STORED,
)
_NEWEST = Statement(sa.select(sa.func.max(announcements.c.id)))
_FORGET = Statement(
    sa.delete(announcements).where(
        announcements.c.id <= bind("known"),
        sa.or_(
            announcements.c.created_at < bind("before"),
            sa.and_(announcements.c.parcels.is_not(None), announcements.c.created_at < bind("parcels_before")),
        ),
    )
)
_PROCESS = shape_of(Process, processes.c.id, processes.c.bus, processes.c.place, processes.c.sent, processes.c.hears)
_PROCESSES = Query(sa.select(*_PROCESS), _PROCESS)
_clock = sa.extract("epoch", sa.func.current_timestamp()) * 1000
"""The clock of the database server, in milliseconds."""
_ahead = sa.cast(bind("moment", Int), Int) - sa.cast(_clock, Int)
_MOMENT = Statement(
    sa.select(sa.func.max(processes.c.ahead) + sa.cast(_clock, Int)).where(one_of(processes.c.id, "ids"))
)
_ENTER = Statement(
    insert(processes)
    .values(
        id=bind("id"),
        bus=bind("bus"),
        place=bind("place"),
        version=bind("version"),
        sent=bind("sent"),
        hears=bind("hears"),
        ahead=_ahead,
    )
    .on_conflict_do_update(
        index_elements=["id"],
        set_={name: bind(name, processes.c[name].type) for name in ("sent", "hears")} | {"ahead": _ahead},
    )
)
_LEAVE = Statement(sa.delete(processes).where(one_of(processes.c.id, "ids")))


async def add(tx: Tx, events: str, now: int, *, parcels: bytes | None = None) -> None:
    """Store an announcement. Others wait until this transaction ends, so that ids rise in the order of commits."""
    await tx.lock(_LOCK)
    await tx.run(_ADD, events=events, parcels=parcels, now=now)


async def list_after(tx: Tx, known: int) -> list[Stored]:
    """Return the announcements after a known one, oldest first."""
    return await tx.list(_AFTER, known=known)


async def get_newest(tx: Tx) -> int:
    """Return the id of the newest announcement, or 0."""
    return await tx.value(_NEWEST) or 0


async def delete_before(tx: Tx, known: int, before: int, *, parcels_before: int) -> None:
    """Delete the announcements up to a known one that were stored before a time; those with parcels before another."""
    await tx.run(_FORGET, known=known, before=before, parcels_before=parcels_before)


async def list_processes(tx: Tx) -> list[Process]:
    """Return the processes that serve the database, and those that have died lately."""
    return await tx.list(_PROCESSES)


async def find_moment(tx: Tx, process_ids: Sequence[int]) -> int | None:
    """Return the current moment on the steady scale of processes, in milliseconds, or None without any."""
    moment: int | None = await tx.value(_MOMENT, ids=tx.many(process_ids))
    return moment


async def put_process(tx: Tx, process: Process, version: str, moment: int) -> None:
    """Store what a process has sent, whether it hears the bus, and its moment on the steady scale in milliseconds."""
    await tx.run(
        _ENTER,
        id=process.id,
        bus=process.bus,
        place=process.place,
        version=version,
        sent=process.sent,
        hears=int(process.hears),
        moment=moment,
    )


async def delete_processes(tx: Tx, process_ids: Sequence[int]) -> None:
    """Forget processes."""
    await tx.run(_LEAVE, ids=tx.many(process_ids))
