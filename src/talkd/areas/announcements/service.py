"""Tell other processes what this one has changed, and know which others there are.

A command works on the database of a running server. It stores its events there, and the server runs the after-commit
effects of these events: it forgets what is outdated, and wakes waiting clients. Servers tell each other by a bus
(`talkd/bus`), and store only what the bus does not take.
"""

from collections.abc import Sequence
from typing import Any

from talkd import __version__
from talkd.areas.announcements import store
from talkd.areas.announcements.model import Announcement, decode, decode_parcels, encode, encode_parcels
from talkd.areas.settings import service as settings
from talkd.bus.others import Process
from talkd.core import clock, ids
from talkd.storage.database import Tx

KEEP = 3600
"""Seconds after which an announcement may be deleted."""
KEEP_PARCELS = 60
"""The same for messages that a bus did not take: they may be many, and who misses one notices it by its number."""
MEASURED = 0.1
"""Seconds by which the scales of two machines may differ without being compared: it may have taken that long."""
INSTALLATION = "installation"
"""The fact by which the processes of this database are known on a bus that several installations use."""


async def announce(tx: Tx, events: Sequence[Any]) -> None:
    """Store events for other processes. Call this at the end of the transaction: it makes other announcements wait."""
    if events:
        await store.add(tx, encode(events).decode(), clock.steady())


async def store_parcels(tx: Tx, parcels: list[bytes]) -> None:
    """Store messages for other processes that the bus did not take."""
    await store.add(tx, "[]", clock.steady(), parcels=encode_parcels(parcels))


async def list_after(tx: Tx, known: int) -> list[Announcement]:
    """Return the announcements after a known one, oldest first."""
    return [
        Announcement(each.id, decode(each.events), decode_parcels(each.parcels) if each.parcels is not None else [])
        for each in await store.list_after(tx, known)
    ]


async def get_newest(tx: Tx) -> int:
    """Return the id of the newest announcement, or 0."""
    return await store.get_newest(tx)


async def forget_old(tx: Tx, known: int) -> None:
    """Delete announcements that are older than KEEP or KEEP_PARCELS, up to a known one."""
    now = clock.steady()
    await store.delete_before(tx, known, now - KEEP, parcels_before=now - KEEP_PARCELS)


async def get_installation(tx: Tx) -> str:
    """Return the text by which the processes of this database find each other on a bus."""
    return await settings.get_fact(tx, INSTALLATION, lambda: ids.text(16))


async def enter(tx: Tx, me: Process) -> None:
    """Store what this process has told the others so far."""
    await store.put_process(tx, me, __version__, round(clock.precise() * 1000))


async def follow_scale(tx: Tx, process_ids: Sequence[int]) -> None:
    """Continue the steady scale of processes that serve the database already, which may be on other machines.

    The clock of the database server, which all of them read, tells how far that scale is.
    """
    moment = await store.find_moment(tx, process_ids)
    if moment is not None and abs(moment / 1000 - clock.precise()) > MEASURED:
        clock.continue_from(moment / 1000 - clock.ticks())


async def list_processes(tx: Tx) -> list[Process]:
    """Return the processes that serve the database, and those that have died lately."""
    return await store.list_processes(tx)


async def forget_processes(tx: Tx, process_ids: Sequence[int]) -> None:
    """Forget processes that have died."""
    await store.delete_processes(tx, process_ids)
