"""Tell other processes what a command has changed.

A command works on the database of a running server. It stores its events there, and the server runs the after-commit
effects of these events: it forgets what is outdated, and wakes waiting clients.
"""

from collections.abc import Sequence
from typing import Any

from talkd.areas.announcements import store
from talkd.areas.announcements.model import Announcement, decode, encode
from talkd.core import clock
from talkd.storage.database import Tx

KEEP = 3600
"""Seconds after which an announcement may be deleted."""


async def announce(tx: Tx, events: Sequence[Any]) -> None:
    """Store events for other processes. Call this at the end of the transaction: it makes other announcements wait."""
    if events:
        await store.add(tx, encode(events), clock.steady())


async def list_after(tx: Tx, known: int) -> list[Announcement]:
    """Return the announcements after a known one, oldest first."""
    return [Announcement(each.id, decode(each.events)) for each in await store.list_after(tx, known)]


async def get_newest(tx: Tx) -> int:
    """Return the id of the newest announcement, or 0."""
    return await store.get_newest(tx)


async def forget_old(tx: Tx, known: int) -> None:
    """Delete announcements that are older than KEEP, up to a known one."""
    await store.delete_before(tx, known, clock.steady() - KEEP)
