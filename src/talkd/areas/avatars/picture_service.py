"""Uploaded pictures of accounts and rooms: which contents they are, and how often these are used.

Whoever sets or removes a picture has locked its owner before, so no two changes release the same contents.
"""

from talkd.areas.avatars import picture_store as store
from talkd.areas.avatars.model import Owner, OwnerId, Uploaded
from talkd.areas.files import service as files
from talkd.areas.files.model import Limits, Received
from talkd.core.errors import NotFound
from talkd.storage.database import Tx


async def get_uploaded(tx: Tx, owner: Owner, owner_id: OwnerId) -> Uploaded:
    """Return an uploaded picture. Raises NotFound."""
    found = await store.find(tx, owner, owner_id)
    if found is None:
        raise NotFound
    return found


async def set_uploaded(tx: Tx, owner: Owner, owner_id: OwnerId, received: Received, limits: Limits) -> bool:
    """Make received contents the picture of a locked owner. Return whether they are needed. Raises NoSpace.

    A picture in the database is deleted first, in the order of `move`.
    """
    await store.delete_old(tx, owner, owner_id)
    blob = await files.use_contents(tx, received, limits)
    await files.release_contents(tx, await store.delete(tx, owner, owner_id))
    await store.set_blob_id(tx, owner, owner_id, blob.id)
    return blob.key == received.key


async def remove_uploaded(tx: Tx, owner: Owner, owner_id: OwnerId) -> None:
    """Remove the picture of a locked owner, if there is one."""
    await store.delete_old(tx, owner, owner_id)
    await files.release_contents(tx, await store.delete(tx, owner, owner_id))


async def remove_all_of_rooms(tx: Tx) -> None:
    """Remove the pictures of all rooms that are in the storage."""
    await files.release_contents(tx, await store.delete_all_of_rooms(tx))


# --- pictures that are still in the database ------------------------------------------------
async def find_next_old(tx: Tx, owner: Owner) -> tuple[OwnerId, bytes] | None:
    """Return the next picture that is still in the database, with the id of its owner."""
    return await store.find_next_old(tx, owner)


async def move(tx: Tx, owner: Owner, owner_id: OwnerId, received: Received) -> bool:
    """Replace a picture that is still in the database by the same one in the storage. Return whether that is needed.

    It is not if the picture was replaced or removed in the meantime, moved by another process, or has equal contents.
    """
    if not await store.delete_old(tx, owner, owner_id):
        return False
    blob = await files.use_contents(tx, received)
    await store.set_blob_id(tx, owner, owner_id, blob.id)
    return blob.key == received.key
