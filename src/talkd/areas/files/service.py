"""Read and change the folder tree of a user.

Every change locks the whole tree of its user, so that sizes and quotas are exact.
"""

import msgspec

from talkd.areas.files import quota_service as quotas
from talkd.areas.files import store
from talkd.areas.files.model import (
    ETAG_LENGTH,
    FOLDER,
    MAX_DEPTH,
    NO_LIMITS,
    Blob,
    Entry,
    Limits,
    Path,
    Received,
    numbered,
    require_name,
)
from talkd.areas.files.quota_model import UNLIMITED
from talkd.core import clock, ids
from talkd.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NoSpace,
    NotAllowedHere,
    NotFound,
    PreconditionFailed,
)
from talkd.core.events import FileChanged, FileDescribed, FilesRemoved
from talkd.storage.database import Tx

PORTION = 500
"""Maximum number of entries that one transaction deletes."""
PAGE = 1000
"""Number of entries that are read at once."""


class Condition(msgspec.Struct, frozen=True):
    """What must hold before a file is written."""

    etags: frozenset[str] = frozenset()
    """The file exists and has one of these tags; `*` stands for any. Empty for no condition."""
    is_new: bool = False
    """There is no file yet."""


NO_CONDITION = Condition()


class Put(msgspec.Struct, frozen=True):
    """A file that was written."""

    entry: Entry
    is_new: bool
    is_kept: bool
    """Whether the received contents are needed. They are not if equal ones are already in the storage."""


def is_kept(put: Put) -> bool:
    """Return whether the received contents are needed."""
    return put.is_kept


# --- reading --------------------------------------------------------------------------------
async def find_root(tx: Tx, user_id: str) -> Entry | None:
    """Return the root of a user, or None if they never had a file."""
    return await store.find_child(tx, 0, user_id)


async def get_root(tx: Tx, user_id: str) -> Entry:
    """Return the root of a user, as it would be created if there is none yet. It then has the id 0."""
    found = await find_root(tx, user_id)
    return found or Entry(0, user_id, 0, user_id, 0, FOLDER, 0, "0" * ETAG_LENGTH, 0, 0, 0)


async def find(tx: Tx, user_id: str, path: Path) -> Entry | None:
    """Return the entry of a user at a path, or None."""
    here = await get_root(tx, user_id)
    for name in path:
        found = await store.find_child(tx, here.id, name) if here.id else None
        if found is None:
            return None
        here = found
    return here


async def access_entry(tx: Tx, user_id: str, path: Path) -> Entry:
    """Return the entry of a user at a path. Raises NotFound."""
    found = await find(tx, user_id, path)
    if found is None:
        raise NotFound
    return found


async def find_by_id(tx: Tx, entry_id: int) -> Entry | None:
    """Return an entry, without checking who asks."""
    return await store.get_entry(tx, entry_id)


async def list_folder(tx: Tx, folder: Entry) -> list[Entry]:
    """Return everything in a folder."""
    found: list[Entry] = []
    while folder.id:
        page = await list_page(tx, folder, after=found[-1].name if found else "", limit=PAGE)
        found += page
        if len(page) < PAGE:
            break
    return found


async def list_page(tx: Tx, folder: Entry, *, after: str, limit: int) -> list[Entry]:
    """Return the next `limit` entries of a folder after a name, in the database's order of names."""
    return await store.list_children(tx, folder.id, after=after, limit=limit) if folder.id else []


async def get_path(tx: Tx, entry: Entry) -> Path | None:
    """Return the path of an entry in its user's tree, or None if it is being deleted."""
    line = {each.id: each for each in await store.list_line(tx, entry.id)}
    names: list[str] = []
    here = line.get(entry.id)
    while here is not None and here.parent_id > 0:
        names.append(here.name)
        here = line.get(here.parent_id)
    return tuple(reversed(names)) if here is not None and here.parent_id == 0 else None


async def get_blob(tx: Tx, entry: Entry) -> Blob:
    """Return the contents of a file. Raises NotFound if it was just deleted."""
    found = await store.get_blob(tx, entry.blob_id)
    if found is None:
        raise NotFound
    return found


async def describe(tx: Tx, blob: Blob, *, width: int, height: int, blurhash: str, duration: int) -> Blob:
    """Note what is known about contents, and return them.

    `show_description` follows for files with them, in other transactions: messages change after the lock of their room,
    and others who have that wait for these contents.
    """
    await store.describe_blob(tx, blob.id, width=width, height=height, blurhash=blurhash, duration=duration)
    return msgspec.structs.replace(
        blob, width=width, height=height, blurhash=blurhash, duration=duration, is_described=1
    )


async def show_description(tx: Tx, file_id: int) -> None:
    """Let messages of a file show what became known about its contents."""
    await tx.emit(FileDescribed(file_id))


async def require_space(tx: Tx, user_id: str, size: int, limits: Limits) -> None:
    """Raises NoSpace if a new file of this size does not fit beside the other files and the unfinished uploads."""
    await require_quota(tx, user_id, size, limits, with_waiting=True)
    await require_total(tx, limits, size)


async def find_space(tx: Tx, user_id: str, limits: Limits) -> int | None:
    """Return how many bytes fit beside the other files and the unfinished uploads, or None if nothing limits them."""
    found: list[int] = []
    quota = await quotas.get_quota(tx, user_id, limits)
    if quota != UNLIMITED:
        found.append(quota - (await get_root(tx, user_id)).size - (await store.get_waiting(tx, user_id))[0])
    if limits.total:
        found.append(limits.total - await store.get_total(tx))
    return max(0, min(found)) if found else None


async def require_total(tx: Tx, limits: Limits, more: int = 0) -> None:
    """Raises NoSpace if all files together, and `more` bytes, are above the limit of the server."""
    if limits.total and await store.get_total(tx) + more > limits.total:
        raise NoSpace(message="The server has no space left for files.")


async def note_pieces(tx: Tx, by: int) -> None:
    """Note bytes of unfinished uploads that are stored from now on, or, below 0, no longer."""
    await store.note_stored(tx, by)


async def require_quota(tx: Tx, user_id: str, growth: int, limits: Limits, *, with_waiting: bool = False) -> None:
    """Raises NoSpace if an account's files may not grow by so many bytes.

    `with_waiting`: whether the uploads that are not finished count, too.
    """
    quota = await quotas.get_quota(tx, user_id, limits)
    if quota == UNLIMITED or growth <= 0:
        return
    used = (await get_root(tx, user_id)).size
    if with_waiting:
        used += (await store.get_waiting(tx, user_id))[0]
    if used + growth > quota:
        raise NoSpace(message="Your quota is used up.")


async def require_entries(tx: Tx, user_id: str, more: int, limits: Limits, *, with_waiting: bool = False) -> None:
    """Raises NoSpace if an account may not have so many more files and folders.

    `with_waiting`: whether the pieces of uploads that are not finished count, too.
    """
    if not limits.entries:
        return
    number = (await get_root(tx, user_id)).inside
    if with_waiting:
        number += (await store.get_waiting(tx, user_id))[1]
    if number + more > limits.entries:
        raise NoSpace(message="You have too many files and folders.")


# --- writing --------------------------------------------------------------------------------
async def lock_tree(tx: Tx, user_id: str) -> None:
    """Lock the tree of a user until the transaction ends."""
    await tx.lock_name(f"files:{user_id}")


async def lock_root(tx: Tx, user_id: str) -> Entry:
    """Lock the tree of a user, and return its root, which is created if there is none.

    Raises NotFound if the account was deleted meanwhile: nobody would delete the new tree.
    """
    await lock_tree(tx, user_id)
    found = await find_root(tx, user_id)
    if found is None:
        await require_account(tx, user_id)
        found = await add(tx, user_id, 0, user_id)
    return found


async def require_account(tx: Tx, user_id: str) -> None:
    """Raises NotFound if the account was deleted. Whoever deletes it from now on waits, and deletes what was added."""
    if not await store.lock_account(tx, user_id):
        raise NotFound


async def can_lock_tree(tx: Tx, user_id: str) -> bool:
    """Lock the tree of a user and return True, or return False if somebody else is changing it."""
    return await tx.can_lock_name(f"files:{user_id}")


async def add(tx: Tx, user_id: str, parent_id: int, name: str, **file: int | str) -> Entry:
    """Add an entry to a folder: a folder, or a file with these columns. The sizes of the folders stay as they are."""
    now = clock.now()
    values: dict[str, int | str] = {
        "blob_id": 0, "media_type": FOLDER, "size": 0, "etag": new_etag(), "created_at": now, "modified_at": now,
        "checksum": "", "inside": 0,
    }  # fmt: skip
    return await store.add_entry(tx, user_id=user_id, parent_id=parent_id, name=name, **{**values, **file})


def new_etag() -> str:
    """Return a tag for new contents. It says nothing about them, so it does not show who has equal contents."""
    return ids.text(ETAG_LENGTH, "0123456789abcdef")


async def require_folder(tx: Tx, user_id: str, path: Path) -> Entry:
    """Return the folder at a path. Raises Conflict if there is none."""
    found = await find(tx, user_id, path)
    if found is None or not found.is_folder:
        raise Conflict(message="The parent folder does not exist.")
    return found


async def note_change(tx: Tx, folder_id: int, by: int = 0, more: int = 0) -> None:
    """Add bytes and entries to a folder and to all folders around it. Every change of a tree ends with this.

    Raises NotFound if the account was deleted meanwhile, which waits for nobody who works in its tree.
    """
    if not await store.grow(tx, folder_id, by, more, new_etag(), clock.now()):
        raise NotFound


async def create_folder(tx: Tx, user_id: str, path: Path, limits: Limits) -> Entry:
    """Create a folder.

    Raises Conflict without a parent folder, NotAllowedHere if there is something, Invalid, and NoSpace.
    """
    await lock_root(tx, user_id)
    if not path or await find(tx, user_id, path) is not None:
        raise NotAllowedHere(message="The resource you tried to create already exists.")
    require_name(path[-1])
    if len(path) > MAX_DEPTH:
        raise Invalid("path", message="There are too many folders inside each other.")
    parent = await require_folder(tx, user_id, path[:-1])
    await require_entries(tx, user_id, 1, limits)
    made = await add(tx, user_id, parent.id, path[-1])
    await note_change(tx, parent.id, more=1)
    return made


async def ensure_folder(tx: Tx, user_id: str, path: Path, limits: Limits) -> Entry:
    """Return the folder at a path. It and the folders around it are created if they do not exist.

    Raises Conflict if a file is in the way, and NoSpace.
    """
    here = await lock_root(tx, user_id)
    for place, name in enumerate(path, 1):
        found = await store.find_child(tx, here.id, name)
        here = found or await create_folder(tx, user_id, path[:place], limits)
        if not here.is_folder:
            raise Conflict(message="A file is in the way of the folder.")
    return here


async def put(
    tx: Tx,
    user_id: str,
    path: Path,
    received: Received,
    media_type: str,
    *,
    modified_at: int = 0,
    condition: Condition = NO_CONDITION,
    limits: Limits,
) -> Put:
    """Make received contents the file at a path.

    `modified_at`: the time of the last change as the client gives it; 0 for now. Raises Conflict without a parent
    folder or if a folder is at the path, PreconditionFailed, NoSpace, and Invalid for a name that is not allowed.
    """
    await lock_root(tx, user_id)
    if not path:
        raise Conflict(message="A folder is at this path.")
    old = await find(tx, user_id, path)
    require_condition(condition, old)
    if old is None:
        require_name(path[-1])
        await require_entries(tx, user_id, 1, limits)
    elif old.is_folder:
        raise Conflict(message="A folder is at this path.")
    parent = await require_folder(tx, user_id, path[:-1])
    growth = received.size - (old.size if old is not None else 0)
    await require_quota(tx, user_id, growth, limits)
    if old is not None:
        await store.release_blob(tx, old.blob_id)  # all contents before the sum, which new ones lock
    blob = await use_contents(tx, received, limits)
    now = clock.now()
    values: dict[str, int | str] = {
        "blob_id": blob.id,
        "media_type": media_type,
        "size": received.size,
        "etag": new_etag(),
        "modified_at": modified_at or now,
        "checksum": received.checksum,
    }
    if old is None:
        entry = await add(tx, user_id, parent.id, path[-1], **values)
    else:
        entry = await store.replace_contents(tx, old.id, placed_at=now, **values)
        await tx.emit(FileChanged(entry.id))
    await note_change(tx, parent.id, growth, int(old is None))
    return Put(entry, old is None, blob.key == received.key)


async def use_contents(tx: Tx, received: Received, limits: Limits = NO_LIMITS) -> Blob:
    """Return received contents after noting one more use. They have another key if equal ones were stored before.

    Raises NoSpace if they are new, and all contents together have more bytes than allowed.
    """
    blob = await store.use_blob(tx, sha256=received.sha256, key=received.key, size=received.size)
    if blob.key == received.key:
        await require_total(tx, limits)
    return blob


async def release_contents(tx: Tx, blob_ids: list[int]) -> None:
    """Note one use less for each time that contents are in the list. A job deletes contents without uses."""
    await store.release_blobs(tx, blob_ids)


def require_condition(condition: Condition, old: Entry | None) -> None:
    """Raises PreconditionFailed if the condition does not hold."""
    if condition.is_new and old is not None:
        raise PreconditionFailed(message="There is already a file.")
    if condition.etags and (old is None or not condition.etags & {"*", old.etag}):
        raise PreconditionFailed(message="The file has changed.")


async def set_modified(tx: Tx, entry: Entry, modified_at: int) -> Entry:
    """Set when an entry was last changed, and return it."""
    await store.set_modified(tx, entry.id, modified_at)
    await tx.emit(FileChanged(entry.id))
    return msgspec.structs.replace(entry, modified_at=modified_at)


async def set_attachment(tx: Tx, entry: Entry) -> None:
    """Note that a file is deleted when it is no longer shared."""
    await store.set_attachment(tx, entry.id)


async def remove(tx: Tx, entry: Entry) -> None:
    """Delete an entry with everything in it. Raises Forbidden for a root.

    It is gone at once. A job deletes what was in a folder, and changes the messages that show it: for that, all rooms
    in which the user shares would have to be locked. Nothing happens if it is being deleted.
    """
    if entry.parent_id == 0:
        raise Forbidden(message="The folder of an account cannot be deleted.")
    await lock_tree(tx, entry.user_id)
    now = await store.get_entry(tx, entry.id)  # it may have changed before the tree was locked
    if now is None or now.parent_id < 0:
        return
    entry = now
    await store.grow(tx, entry.parent_id, -entry.size, -entry.number, new_etag(), clock.now())
    await take_away(tx, entry)


async def take_away(tx: Tx, entry: Entry) -> None:
    """Delete an entry as `remove` does, but leave the sizes of the folders as they are. The tree is locked."""
    if entry.is_folder:
        await store.detach(tx, entry.id)
    else:
        await store.delete_entry(tx, entry.id)
        await store.release_blob(tx, entry.blob_id)
        await tx.emit(FilesRemoved((entry.id,)))


async def find_free_name(tx: Tx, folder: Entry, wanted: str) -> str:
    """Return the name, or one of the names `name (1).end`, `name (2).end` … that is free in the folder.

    That is the first, if the numbers in use have no gaps. It takes few lookups, however many names are taken.
    """

    async def is_taken(name: str) -> bool:
        return await store.find_child(tx, folder.id, name) is not None

    if not await is_taken(wanted):
        return wanted
    taken, free = 0, 1
    while await is_taken(numbered(wanted, free)):
        taken, free = free, 2 * free
    while free - taken > 1:
        middle = (taken + free) // 2
        if await is_taken(numbered(wanted, middle)):
            taken = middle
        else:
            free = middle
    return numbered(wanted, free)


# --- what is being deleted ------------------------------------------------------------------
async def remove_account(tx: Tx, user_id: str) -> None:
    """Delete all files of an account. A job deletes them in portions."""
    root = await find_root(tx, user_id)
    if root is not None:
        await store.detach(tx, root.id)


async def forget_unused(tx: Tx) -> list[str]:
    """Forget the next contents without uses, with their previews. Return where they are in the storage."""
    found = await store.delete_unused_blobs(tx, PORTION)
    previews = await store.delete_previews(tx, [blob.id for blob in found])
    return [*(blob.key for blob in found), *previews]


async def delete_portion(tx: Tx) -> bool:
    """Delete the next entries that are being deleted. Return True if there may be more."""
    files = await store.delete_detached_files(tx, PORTION)
    if files:
        await tx.emit(FilesRemoved(tuple(entry_id for entry_id, _ in files)))  # locks rooms, which all lock first
        await store.release_blobs(tx, [blob_id for _, blob_id in files])
        return True
    folder_id = await store.find_detached_folder(tx)
    if folder_id is None:
        return False
    if not await store.detach_children(tx, folder_id, PORTION):
        await store.delete_entry(tx, folder_id)
    return True
