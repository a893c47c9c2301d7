"""Removing the id and the names of a deleted account from all that people said and did.

The transaction that deletes the account removes the first portion, and a job the rest. Until then, readers show a user
without account as deleted (`conversation/message.py`), and nobody gets the same id.
"""

from talkd.areas.notifications import service as notifications
from talkd.areas.polls import service as polls
from talkd.areas.removal import account_store as store
from talkd.areas.removal.model import LOOKED_AT, PORTION
from talkd.conversation import people_store, reaction_store
from talkd.storage.database import Tx


async def forget(tx: Tx, user_id: str) -> None:
    """Begin to forget an account that was deleted."""
    await store.add(tx, user_id)
    await forget_portion(tx, user_id)


async def list_unfinished(tx: Tx) -> list[str]:
    """Return the accounts for which `forget_portion` has something to do."""
    return await store.list_unfinished(tx)


async def forget_portion(tx: Tx, user_id: str) -> bool:
    """Remove the account's id and names from the next rows. Return True if there may be more."""
    place = await store.lock_place(tx, user_id)
    if place is None:
        return False
    left = PORTION
    for forget_some in (reaction_store.forget_user, polls.forget_user, notifications.forget_actor):
        left -= await forget_some(tx, user_id, left)
        if left <= 0:
            return True
    next_place = await people_store.forget_after(tx, user_id, place, limit=left, looked_at=LOOKED_AT)
    if next_place is None:
        await store.finish(tx, user_id)
        return False
    await store.set_place(tx, user_id, next_place)
    return True
