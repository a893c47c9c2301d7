"""How other processes learn what a command has changed.

A command works on the database of a running server. It leaves its events there, and the server treats them as its own:
it forgets what they outdate and wakes the clients that wait for it.
"""

from collections.abc import Sequence
from typing import Any

from talkd.areas.announcements import store
from talkd.areas.announcements.model import Announcement, decode, encode
from talkd.core import clock
from talkd.storage.database import Tx

KEEP = 3600
"""Seconds for which an announcement stays in the database at least."""


async def announce(tx: Tx, events: Sequence[Any]) -> None:
    """Tell other processes what has happened; to be called at the end of a transaction."""
    if events:
        await store.add(tx, encode(events), clock.steady())


async def list_after(tx: Tx, known: int) -> list[Announcement]:
    """Return what was announced after a known announcement, oldest first."""
    return [Announcement(id_, decode(events)) for id_, events in await store.list_after(tx, known)]


async def get_newest(tx: Tx) -> int:
    """Return the id of the newest announcement, or 0."""
    return await store.get_newest(tx)


async def forget_old(tx: Tx, known: int) -> None:
    """Delete old announcements up to a known one."""
    await store.delete_before(tx, known, clock.steady() - KEEP)
