"""Move and copy files and folders."""

import msgspec

from talkd.areas.files import service, store
from talkd.areas.files.media_model import type_of
from talkd.areas.files.model import MAX_DEPTH, Entry, Limits, Path, require_name, require_type
from talkd.core import clock
from talkd.core.errors import Forbidden, Invalid, PreconditionFailed
from talkd.core.events import FileChanged
from talkd.storage.database import Tx

MAX_COPIED = 10_000
"""Maximum number of entries in a folder that is copied. On SQLite, others wait 0.2 s for so many; on PostgreSQL, those
who change something in the same tree wait 0.8 s."""


async def move(
    tx: Tx, user_id: str, source: Path, target: Path, *, overwrite: bool, limits: Limits
) -> tuple[Entry, bool]:
    """Move an entry. Return it, and True if nothing was at the target.

    Raises NotFound, Conflict without a parent folder, PreconditionFailed if something is there and `overwrite` is
    False, and Forbidden to move a folder into itself or over a folder around it, or if a file would get a name whose
    type is not allowed.
    """
    entry, old, parent = await _prepare(tx, user_id, source, target, overwrite=overwrite, limits=limits)
    if old is not None and old.id == entry.id:
        raise Forbidden(message="Source and target are the same.")
    if old is not None:
        await service.remove(tx, old)
    await service.note_change(tx, entry.parent_id, -entry.size, -entry.number)
    media_type = entry.media_type if entry.is_folder else type_of(target[-1])
    await store.move_entry(tx, entry.id, parent.id, target[-1], media_type, clock.now())
    if media_type != entry.media_type:
        await tx.emit(FileChanged(entry.id))
    await service.note_change(tx, parent.id, entry.size, entry.number)
    moved = msgspec.structs.replace(entry, parent_id=parent.id, name=target[-1], media_type=media_type)
    return moved, old is None


async def copy(
    tx: Tx, user_id: str, source: Path, target: Path, *, overwrite: bool, whole: bool, limits: Limits
) -> tuple[Entry, bool]:
    """Copy an entry; a folder with everything in it if `whole`. Return the copy, and True if nothing was at the target.

    Raises the errors of `move`, NoSpace, and Invalid if a folder has more than MAX_COPIED entries. The folder of the
    account is changed last, so whoever deletes the account does not wait until everything is copied.
    """
    entry, old, parent = await _prepare(tx, user_id, source, target, overwrite=overwrite, limits=limits)
    if old is not None and old.id == entry.id:
        raise Forbidden(message="Source and target are the same.")
    if entry.is_folder and not whole:
        entry = msgspec.structs.replace(entry, inside=0, size=0)
    if entry.inside > MAX_COPIED:
        raise Invalid("path", message=f"A folder with more than {MAX_COPIED} entries cannot be copied at once.")
    growth, more = entry.size, entry.number
    if old is not None:
        growth, more = growth - old.size, more - old.number
    await service.require_quota(tx, user_id, growth, limits)
    await service.require_entries(tx, user_id, more, limits)
    if old is not None:
        await service.take_away(tx, old)
    made = await _copy_one(tx, entry, parent.id, user_id, target[-1])
    if entry.inside:
        await _copy_inside(tx, entry.id, made.id)
    await service.note_change(tx, parent.id, growth, more)
    return made, old is None


async def _copy_inside(tx: Tx, folder_id: int, copy_id: int) -> None:
    """Copy everything in a folder, with a few statements for each folder. The copies have one tag together."""
    waiting, etag, now = [(folder_id, copy_id)], service.new_etag(), clock.now()
    while waiting:
        source_id, target_id = waiting.pop()
        await store.copy_children(tx, source_id, target_id, etag, now)
        await store.use_children_again(tx, target_id)
        waiting += await store.list_copied_folders(tx, source_id, target_id)


async def copy_from(tx: Tx, entry: Entry, user_id: str, parent: Entry, name: str, limits: Limits) -> Entry:
    """Copy a file, also of somebody else, into a folder of a user. Raises NoSpace."""
    await service.lock_tree(tx, user_id)
    await service.require_quota(tx, user_id, entry.size, limits)
    await service.require_entries(tx, user_id, 1, limits)
    made = await _copy_one(tx, entry, parent.id, user_id, name)
    await service.note_change(tx, parent.id, entry.size, 1)
    return made


async def _copy_one(tx: Tx, entry: Entry, parent_id: int, user_id: str, name: str) -> Entry:
    if not entry.is_folder:
        await store.use_again(tx, entry.blob_id)
    return await service.add(
        tx,
        user_id,
        parent_id,
        name,
        blob_id=entry.blob_id,
        media_type=entry.media_type if entry.is_folder else type_of(name),
        size=entry.size,
        modified_at=entry.modified_at,
        checksum=entry.checksum,
        inside=entry.inside,
    )


async def _prepare(
    tx: Tx, user_id: str, source: Path, target: Path, *, overwrite: bool, limits: Limits
) -> tuple[Entry, Entry | None, Entry]:
    """Return what is moved or copied, what it replaces, and the folder that it goes into."""
    await service.lock_tree(tx, user_id)
    entry = await service.access_entry(tx, user_id, source)
    if not source or not target:
        raise Forbidden(message="The folder of an account cannot be moved, copied or replaced.")
    if source != target and (target[: len(source)] == source or source[: len(target)] == target):
        raise Forbidden(message="A folder cannot be moved or copied into itself, or over a folder around it.")
    parent = await service.require_folder(tx, user_id, target[:-1])
    old = await store.find_child(tx, parent.id, target[-1])
    if old is not None and not overwrite:
        raise PreconditionFailed(message="Something is already at the target.")
    require_name(target[-1])
    levels = MAX_DEPTH - len(target)
    if len(target) > len(source) and entry.inside > levels and await store.is_deeper(tx, entry.id, levels):
        raise Invalid("path", message="There are too many folders inside each other.")
    if not entry.is_folder:
        require_type(type_of(target[-1]), limits)
    return entry, old, parent
