"""Clearing histories and deleting rooms.

The first transaction hides everything at once and deletes the first portion. A job deletes the rest, portion by
portion. It looks for what is hidden in the database, so a stop or crash loses nothing.
"""

from talkd.areas.removal import room_store as store
from talkd.areas.removal.model import PORTION
from talkd.core.events import RoomDeleted
from talkd.storage.database import Tx


async def clear_messages(tx: Tx, room_id: int) -> None:
    """Clear all messages of a room that the caller holds."""
    await store.hide_messages(tx, room_id)
    await delete_portion(tx, room_id)


async def delete_room(tx: Tx, room_id: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Delete a room that the caller holds. Return the ids of its attendees and sessions.

    Of several rooms that one transaction deletes, only the first has its first portion deleted at once.
    """
    removed = await store.hide_room(tx, room_id)
    if not any(isinstance(event, RoomDeleted) for event in tx.events):
        await delete_portion(tx, room_id)
    return removed


async def list_unfinished(tx: Tx) -> list[int]:
    """Return the rooms in which `delete_portion` has something to do."""
    return await store.list_unfinished(tx)


async def delete_portion(tx: Tx, room_id: int) -> bool:
    """Delete the next hidden rows of a room. Return True if there may be more."""
    unfinished = await store.lock_unfinished(tx, room_id)
    if unfinished is None:
        return False
    through, whole = unfinished
    if await store.delete_some(tx, room_id, through, whole=whole, limit=PORTION) == PORTION:
        return True
    await store.finish(tx, room_id, whole=whole)
    return False
