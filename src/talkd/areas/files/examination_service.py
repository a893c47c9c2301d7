"""Find and mend what is wrong with the rows of files, and count files."""

from collections.abc import Sequence

import msgspec

from talkd.areas.files import examination_store as store
from talkd.areas.files import service
from talkd.areas.files import store as files
from talkd.areas.files.model import MAX_DEPTH, NO_LIMITS, Entry, Picture
from talkd.core import clock
from talkd.storage.database import Tx

TABLES = tuple(store.TABLES)
"""The names of the tables whose rows have contents in the storage."""
PASSES = 2 * MAX_DEPTH
"""How often folders are corrected: each time, those around corrected ones become right."""
RECOVERED = "Recovered files"
"""The folder for entries whose own folder does not exist."""


class Place(msgspec.Struct, frozen=True):
    """An entry that somebody has."""

    entry_id: int
    user_id: str
    path: str
    """From the account's root on, without the account; the name alone if the folders around it do not exist."""


class Missing(msgspec.Struct, frozen=True):
    """Contents that are not in the storage as they should be."""

    key: str
    files: list[Place]
    """The files that have them. Empty for a preview, for a piece of an upload, and for what is being deleted."""
    pictures: list[Picture]
    """The pictures of accounts and rooms that are these contents."""


class Usage(msgspec.Struct, frozen=True):
    """The files of an account."""

    user_id: str
    files: int
    size: int


# --- what is wrong --------------------------------------------------------------------------
async def get_sizes(tx: Tx, keys: Sequence[str]) -> dict[str, int]:
    """Return the sizes of the contents with these keys, by key. Keys that no row has are left out."""
    known = [each for table in TABLES for each in await store.list_known(tx, table, keys)] if keys else []
    return {each.key: each.size for each in known}


async def list_keys(tx: Tx, table: str, after: str, limit: int) -> list[str]:
    """Return the next keys in a table after one, in order."""
    return [each.key for each in await store.list_after(tx, table, after, limit)]


async def get_users(tx: Tx, key: str) -> Missing:
    """Return who has the contents with a key."""
    places = [await _place(tx, entry) for entry in await store.list_users_of(tx, key)]
    return Missing(key, places, await store.list_pictures_of(tx, key))


async def list_wrong_counts(tx: Tx) -> list[int]:
    """Return the ids of the contents whose number of uses is wrong."""
    return await store.list_wrong_counts(tx)


async def get_wrong_use(tx: Tx) -> int:
    """Return how many bytes too many the noted sum of all contents has; below 0 for too few."""
    return await store.get_wrong_use(tx)


async def list_wrong_folders(tx: Tx) -> list[Place]:
    """Return the folders whose size or number of entries is not that of what is in them."""
    return [await _place(tx, entry) for entry in await store.list_wrong_folders(tx)]


async def list_lost(tx: Tx) -> list[Place]:
    """Return the entries whose folder does not exist."""
    return [await _place(tx, entry) for entry in await store.list_lost(tx)]


async def list_empty(tx: Tx) -> list[Place]:
    """Return the files without a row of contents."""
    return [await _place(tx, entry) for entry in await store.list_empty(tx)]


async def list_empty_pictures(tx: Tx) -> list[Picture]:
    """Return the pictures of accounts and rooms without a row of contents."""
    return await store.list_empty_pictures(tx)


async def _place(tx: Tx, entry: Entry) -> Place:
    path = await service.get_path(tx, entry)
    return Place(entry.id, entry.user_id, "/".join(path) if path else entry.name)


# --- mending --------------------------------------------------------------------------------
async def correct_counts(tx: Tx, blob_ids: Sequence[int]) -> None:
    """Set the numbers of uses of contents. A job deletes contents without uses."""
    await store.set_counts(tx, blob_ids)


async def correct_use(tx: Tx) -> None:
    """Note the sum of all contents, which `files.total` limits, anew."""
    await store.set_use(tx)


async def correct_folders(tx: Tx, user_id: str) -> None:
    """Correct sizes and numbers of entries of a user's folders, from the innermost on."""
    await tx.lock_name(f"files:{user_id}")
    for _ in range(PASSES):
        if not await store.correct_folders(tx, user_id):
            return


async def recover(tx: Tx, place: Place) -> None:
    """Move an entry whose folder does not exist into the folder RECOVERED of its account.

    If the account has no folders any more, it was deleted, and the entry is deleted, too.
    """
    await tx.lock_name(f"files:{place.user_id}")
    entry = await service.find_by_id(tx, place.entry_id)
    if entry is None or entry.id not in {each.id for each in await store.list_lost(tx)}:
        return
    if await service.find_root(tx, place.user_id) is None:
        await files.detach(tx, entry.id)
        return
    folder = await service.ensure_folder(tx, place.user_id, (RECOVERED,), NO_LIMITS)
    name = await service.find_free_name(tx, folder, entry.name)
    await files.move_entry(tx, entry.id, folder.id, name, entry.media_type, clock.now())
    await service.note_change(tx, folder.id, entry.size, entry.number)


# --- counting -------------------------------------------------------------------------------
async def list_usages(tx: Tx) -> list[Usage]:
    """Return how much the accounts with files use, by name."""
    numbers = await store.count_files(tx)
    return [Usage(user_id, numbers.get(user_id, 0), size) for user_id, size in await store.list_roots(tx)]


async def count_pictures(tx: Tx) -> int:
    """Return the number of uploaded pictures of accounts and rooms that are in the storage."""
    return await store.count_pictures(tx)


async def count_pictures_in_database(tx: Tx) -> int:
    """Return the number of uploaded pictures that an older talkd has stored in the database."""
    return await store.count_pictures_in_database(tx)


async def get_total(tx: Tx) -> tuple[int, int]:
    """Return the number of different contents, and their bytes."""
    return await store.count_blobs(tx), await files.get_total(tx)


async def list_tree(tx: Tx, folder: Entry, path: tuple[str, ...] = ()) -> list[tuple[str, Entry]]:
    """Return everything in a folder, with the paths from it on, in order."""
    found: list[tuple[str, Entry]] = []
    for entry in await service.list_folder(tx, folder):
        found.append(("/".join((*path, entry.name)), entry))
        if entry.is_folder:
            found += await list_tree(tx, entry, (*path, entry.name))
    return found
