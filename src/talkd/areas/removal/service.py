"""Clear histories, delete rooms, and remove the names of deleted accounts from everything that contains them.

The first transaction hides everything at once and removes the first portion. A job removes the rest, portion by
portion. The database says what is left to do, so a stop or a crash loses nothing.
"""

from talkd.areas.removal import account_store, room_store
from talkd.conversation import actor_store
from talkd.conversation.participant import Occupants
from talkd.core.events import RoomDeleted
from talkd.storage.database import Tx

PORTION = 500
"""Maximum number of rows deleted or changed in one transaction. Other writers wait about 30 ms for it."""
EXAMINED = 5_000
"""Maximum number of messages read in one transaction, to find messages that name a deleted account."""


# --- messages and rooms ---------------------------------------------------------------------
async def clear_messages(tx: Tx, room_id: int) -> None:
    """Clear all messages of a room that the caller has locked."""
    await room_store.hide_messages(tx, room_id)
    await delete_room_portion(tx, room_id)


async def delete_room(tx: Tx, room_id: int) -> Occupants:
    """Delete a room that the caller has locked. Return who was in it.

    If one transaction deletes several rooms, it deletes the first portion of the first room only.
    """
    removed = await room_store.hide_room(tx, room_id)
    if not any(isinstance(event, RoomDeleted) for event in tx.events):
        await delete_room_portion(tx, room_id)
    return removed


async def list_unfinished_rooms(tx: Tx) -> list[int]:
    """List the rooms that still have hidden rows to delete."""
    return await room_store.list_unfinished(tx)


async def delete_room_portion(tx: Tx, room_id: int) -> bool:
    """Delete the next hidden rows of a room. Return True if there may be more."""
    unfinished = await room_store.lock_unfinished(tx, room_id)
    if unfinished is None:
        return False
    through, whole = unfinished
    if await room_store.delete_some(tx, room_id, through, whole=whole, limit=PORTION) == PORTION:
        return True
    await room_store.finish(tx, room_id, whole=whole)
    return False


# --- accounts -------------------------------------------------------------------------------
async def forget_account(tx: Tx, user_id: str) -> None:
    """Begin to remove the id and the names of a deleted account from messages, reactions, polls and notifications.

    Until the job has finished, a user without an account is shown as deleted (`conversation/message.py`), and no new
    account can have the id.
    """
    await account_store.add(tx, user_id)
    await forget_account_portion(tx, user_id)


async def list_unfinished_accounts(tx: Tx) -> list[str]:
    """List the deleted accounts that some rows still name."""
    return await account_store.list_unfinished(tx)


async def forget_account_portion(tx: Tx, user_id: str) -> bool:
    """Remove a deleted account's id and names from the next rows. Return True if there may be more."""
    position = await account_store.lock_position(tx, user_id)
    if position is None:
        return False
    left = PORTION - await account_store.detach(tx, user_id, PORTION)
    if left <= 0:
        return True
    next_position = await actor_store.forget_after(tx, user_id, position, limit=left, examined=EXAMINED)
    if next_position is None:
        await account_store.finish(tx, user_id)
        return False
    await account_store.set_position(tx, user_id, next_position)
    return True
