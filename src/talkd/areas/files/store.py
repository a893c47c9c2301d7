"""Statements about entries, and about the contents of files."""

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from talkd.areas.files.model import Blob, Entry
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, entries, previews, storage_use, uploads
from talkd.storage.queries import Query, shape, single
from talkd.storage.schema import Int, users
from talkd.storage.statements import ONE, ZERO, Statement, bind, insert, one_of

ENTRY, BLOB = shape(Entry, entries), shape(Blob, blobs)

_by_id = sa.select(*ENTRY).where(entries.c.id == bind("entry_id"))
_BY_ID = Query(_by_id, ENTRY)
_CHILD = Query(sa.select(*ENTRY).where(entries.c.parent_id == bind("parent_id"), entries.c.name == bind("name")), ENTRY)
_CHILDREN = Query(
    sa.select(*ENTRY)
    .where(entries.c.parent_id == bind("parent_id"), entries.c.name > bind("after"))
    .order_by(entries.c.name)
    .limit(bind("limit", sa.Integer)),
    ENTRY,
)
_SIZES = Query(
    sa.select(entries.c.name, entries.c.size).where(entries.c.parent_id == ZERO, one_of(entries.c.name, "user_ids")),
    single(entries.c.name),
    single(entries.c.size),
)
# On PostgreSQL this waits for a transaction that deletes the account, and such a transaction waits for this one.
_LOCK_ACCOUNT = Statement(
    sa.select(users.c.id).where(users.c.id == bind("user_id")).with_for_update(read=True, key_share=True)
)
_NEW = (
    "user_id",
    "parent_id",
    "name",
    "blob_id",
    "media_type",
    "size",
    "etag",
    "created_at",
    "modified_at",
    "checksum",
    "inside",
)
_ADD = Query(
    sa.insert(entries)
    .values({name: bind(name) for name in _NEW} | {"placed_at": bind("created_at")})
    .returning(*ENTRY),
    ENTRY,
)
_REPLACED = ("blob_id", "media_type", "size", "etag", "modified_at", "checksum", "placed_at")
_REPLACE = Query(
    sa.update(entries)
    .where(entries.c.id == bind("entry_id"))
    .values({name: bind(name) for name in _REPLACED})
    .returning(*ENTRY),
    ENTRY,
)
_MOVE = Statement(
    sa.update(entries)
    .where(entries.c.id == bind("entry_id"))
    .values(
        parent_id=bind("parent_id"),
        name=bind("name"),
        media_type=bind("media_type"),
        placed_at=bind("now"),
        is_attachment=sa.case((entries.c.parent_id == bind("parent_id", Int), entries.c.is_attachment), else_=ZERO),
    )
)
_SET_MODIFIED = Statement(
    sa.update(entries).where(entries.c.id == bind("entry_id")).values(modified_at=bind("modified_at"))
)
_SET_ATTACHMENT = Statement(sa.update(entries).where(entries.c.id == bind("entry_id")).values(is_attachment=ONE))
_DELETE = Statement(sa.delete(entries).where(entries.c.id == bind("entry_id")))


def _ancestors() -> sa.CTE:
    """Return the ids of an entry and of all folders around it, with their parents."""
    up = (
        sa.select(entries.c.id, entries.c.parent_id)
        .where(entries.c.id == bind("entry_id", Int))
        .cte("ancestors", recursive=True)
    )
    above = entries.alias("above")
    return up.union_all(sa.select(above.c.id, above.c.parent_id).where(above.c.id == up.c.parent_id))


_up = _ancestors()
_GROW = Statement(
    sa.update(entries)
    .where(entries.c.id.in_(sa.select(_up.c.id)))
    .values(
        size=entries.c.size + bind("by", Int),
        inside=entries.c.inside + bind("more", Int),
        etag=bind("etag"),
        modified_at=bind("now"),
    )
    .returning(entries.c.parent_id)
)
_ABOVE = Query(
    sa.select(*ENTRY).where(entries.c.id.in_(sa.select(_up.c.id))),
    ENTRY,
)

_COPIED = ("name", "blob_id", "media_type", "size", "modified_at", "checksum", "inside")


def _deepest() -> sa.Select[tuple[int]]:
    """Return a statement with a row if a folder has an entry so many levels below those that are in it."""
    down = sa.select(bind("entry_id", Int).label("id"), sa.cast(ZERO, Int).label("level")).cte(
        "folders", recursive=True
    )
    folder = entries.alias("folder")
    down = down.union_all(
        sa.select(folder.c.id, down.c.level + ONE)
        .join(down, folder.c.parent_id == down.c.id)
        .where(folder.c.blob_id == ZERO, down.c.level < bind("levels", Int))
    )
    return (
        sa.select(down.c.id)
        .where(down.c.level == bind("levels", Int), sa.exists().where(entries.c.parent_id == down.c.id))
        .limit(ONE)
    )


_DEEPEST = Statement(_deepest())

_parent_of_copy = entries.alias("parent_of_copy")
_COPY_CHILDREN = Statement(
    sa.insert(entries).from_select(
        ["user_id", "parent_id", "etag", "created_at", "placed_at", *_COPIED],
        sa.select(
            _parent_of_copy.c.user_id,
            _parent_of_copy.c.id,
            bind("etag"),
            bind("now", Int),
            bind("now", Int),
            *(entries.c[name] for name in _COPIED),
        ).where(entries.c.parent_id == bind("source_id"), _parent_of_copy.c.id == bind("target_id")),
    )
)
_folder_copy = entries.alias("folder_copy")
_COPIED_FOLDERS = Query(
    sa.select(entries.c.id, _folder_copy.c.id)
    .join(
        _folder_copy,
        sa.and_(_folder_copy.c.parent_id == bind("target_id"), _folder_copy.c.name == entries.c.name),
    )
    .where(entries.c.parent_id == bind("source_id"), entries.c.blob_id == ZERO),
    single(entries.c.id),
    single(_folder_copy.c.id),
)

# --- contents -------------------------------------------------------------------------------
_BLOB = Query(sa.select(*BLOB).where(blobs.c.id == bind("blob_id")), BLOB)
_USE_BLOB = Query(
    insert(blobs)
    .values(sha256=bind("sha256"), key=bind("key"), size=bind("size"), uses=ONE)
    .on_conflict_do_update(index_elements=["sha256"], set_={"uses": blobs.c.uses + ONE})
    .returning(*BLOB),
    BLOB,
)
_USE_AGAIN = Statement(sa.update(blobs).where(blobs.c.id == bind("blob_id")).values(uses=blobs.c.uses + ONE))
_used = (
    sa.select(entries.c.blob_id, sa.func.count().label("number"))
    .where(entries.c.parent_id == bind("parent_id"), entries.c.blob_id > ZERO)
    .group_by(entries.c.blob_id)
    .subquery()
)
_USE_CHILDREN_AGAIN = Statement(
    sa.update(blobs).where(blobs.c.id == _used.c.blob_id).values(uses=blobs.c.uses + _used.c.number)
)
_LOCK_BLOBS = Statement(
    sa.select(blobs.c.id).where(one_of(blobs.c.id, "blob_ids")).order_by(blobs.c.id).with_for_update()
)
_LOCK_BLOBS_IN = Statement(
    sa.select(blobs.c.id)
    .where(blobs.c.id.in_(sa.select(entries.c.blob_id).where(entries.c.parent_id == bind("parent_id"))))
    .order_by(blobs.c.id)
    .with_for_update(of=blobs)
)
_RELEASE = Statement(sa.update(blobs).where(blobs.c.id == bind("blob_id")).values(uses=blobs.c.uses - ONE))
_RELEASE_SOME = Statement(
    sa.update(blobs).where(one_of(blobs.c.id, "blob_ids")).values(uses=blobs.c.uses - bind("number", Int))
)
_DESCRIBE = Statement(
    sa.update(blobs)
    .where(blobs.c.id == bind("blob_id"))
    .values(
        width=bind("width"),
        height=bind("height"),
        blurhash=bind("blurhash"),
        duration=bind("duration"),
        is_described=ONE,
    )
)
_unused = sa.select(blobs.c.id).where(blobs.c.uses == ZERO).order_by(blobs.c.id).limit(bind("limit", sa.Integer))
_DELETE_UNUSED = Query(sa.delete(blobs).where(blobs.c.id.in_(_unused), blobs.c.uses == ZERO).returning(*BLOB), BLOB)
_DELETE_PREVIEWS = Statement(
    sa.delete(previews).where(one_of(previews.c.blob_id, "blob_ids")).returning(previews.c.key)
)
_TOTAL = Statement(sa.select(storage_use.c.used).where(storage_use.c.id == ONE))
_NOTE_STORED = Statement(
    sa.update(storage_use).where(storage_use.c.id == ONE).values(used=storage_use.c.used + bind("by", Int))
)
_WAITING = Statement(
    sa.select(
        sa.func.coalesce(sa.func.sum(uploads.c.size), ZERO).cast(Int),
        sa.func.coalesce(sa.func.sum(uploads.c.pieces), ZERO).cast(Int),
    ).where(uploads.c.user_id == bind("user_id"))
)
_KNOWN_KEY = Statement(sa.select(ONE).where(blobs.c.key == bind("key")))

# --- what is being deleted ------------------------------------------------------------------
_some_files = (
    sa.select(entries.c.id)
    .where(entries.c.parent_id < ZERO, entries.c.blob_id > ZERO)
    .order_by(entries.c.id)
    .limit(bind("limit", sa.Integer))
)
_DELETE_DETACHED = Query(
    sa.delete(entries).where(entries.c.id.in_(_some_files)).returning(entries.c.id, entries.c.blob_id),
    single(entries.c.id),
    single(entries.c.blob_id),
)
_DETACHED_FOLDER = Statement(
    sa.select(entries.c.id)
    .where(entries.c.parent_id < ZERO, entries.c.blob_id == ZERO)
    .order_by(entries.c.id)
    .limit(ONE)
)
_children = sa.select(entries.c.id).where(entries.c.parent_id == bind("parent_id")).limit(bind("limit", sa.Integer))
_DETACH_CHILDREN = Statement(sa.update(entries).where(entries.c.id.in_(_children)).values(parent_id=-entries.c.id))
_DETACH = Statement(sa.update(entries).where(entries.c.id == bind("entry_id")).values(parent_id=-entries.c.id))


async def get_entry(tx: Tx, entry_id: int) -> Entry | None:
    """Return an entry, without checking who asks."""
    return await tx.find(_BY_ID, entry_id=entry_id)


async def find_child(tx: Tx, parent_id: int, name: str) -> Entry | None:
    """Return the entry with this name in a folder."""
    return await tx.find(_CHILD, parent_id=parent_id, name=name)


async def list_children(tx: Tx, parent_id: int, *, after: str, limit: int) -> list[Entry]:
    """Return the next `limit` entries of a folder, in the database's order of names."""
    return await tx.list(_CHILDREN, parent_id=parent_id, after=after, limit=limit)


async def lock_account(tx: Tx, user_id: str) -> bool:
    """Keep an account from being deleted until the transaction ends. Return False if there is none."""
    return await tx.one(_LOCK_ACCOUNT, user_id=user_id) is not None


async def get_sizes(tx: Tx, user_ids: Sequence[str]) -> dict[str, int]:
    """Return how many bytes the files of these users have, by user. Those who never had one are left out."""
    return dict(await tx.list(_SIZES, user_ids=tx.many(user_ids))) if user_ids else {}


async def list_line(tx: Tx, entry_id: int) -> list[Entry]:
    """Return an entry and the folders around it, in no order."""
    return await tx.list(_ABOVE, entry_id=entry_id)


async def add_entry(tx: Tx, **values: int | str) -> Entry:
    """Add an entry with these columns."""
    return await tx.create(_ADD, **values)


async def replace_contents(tx: Tx, entry_id: int, **values: int | str) -> Entry:
    """Replace the contents of a file, and return it."""
    return await tx.create(_REPLACE, entry_id=entry_id, **values)


async def move_entry(tx: Tx, entry_id: int, parent_id: int, name: str, media_type: str, now: int) -> None:
    """Move an entry into a folder, under a name that may mean another type."""
    await tx.run(_MOVE, entry_id=entry_id, parent_id=parent_id, name=name, media_type=media_type, now=now)


async def copy_children(tx: Tx, source_id: int, target_id: int, etag: str, now: int) -> int:
    """Copy what is in a folder into another, without what is in folders there. Return the number of entries."""
    return await tx.run(_COPY_CHILDREN, source_id=source_id, target_id=target_id, etag=etag, now=now)


async def use_children_again(tx: Tx, parent_id: int) -> None:
    """Note one more use of the contents of each file in a folder."""
    await tx.lock(_LOCK_BLOBS_IN, parent_id=parent_id)
    await tx.run(_USE_CHILDREN_AGAIN, parent_id=parent_id)


async def list_copied_folders(tx: Tx, source_id: int, target_id: int) -> list[tuple[int, int]]:
    """Return the ids of the folders in a folder, each with that of the folder with the same name in another one."""
    return await tx.list(_COPIED_FOLDERS, source_id=source_id, target_id=target_id)


async def set_modified(tx: Tx, entry_id: int, modified_at: int) -> None:
    """Set when an entry was last changed."""
    await tx.run(_SET_MODIFIED, entry_id=entry_id, modified_at=modified_at)


async def set_attachment(tx: Tx, entry_id: int) -> None:
    """Note that a file is deleted when it is no longer shared."""
    await tx.run(_SET_ATTACHMENT, entry_id=entry_id)


async def delete_entry(tx: Tx, entry_id: int) -> None:
    """Delete one entry."""
    await tx.run(_DELETE, entry_id=entry_id)


async def is_deeper(tx: Tx, folder_id: int, levels: int) -> bool:
    """Return True if something in a folder is more than so many levels below it: 1 for what is directly in it."""
    return await tx.one(_DEEPEST, entry_id=folder_id, levels=levels) is not None


async def grow(tx: Tx, folder_id: int, by: int, more: int, etag: str, now: int) -> bool:
    """Add bytes and entries to a folder and to all folders around it, and note that something in them has changed.

    Return False if they do not belong to a user any more.
    """
    return 0 in await tx.values(_GROW, entry_id=folder_id, by=by, more=more, etag=etag, now=now)


async def detach(tx: Tx, entry_id: int) -> None:
    """Take an entry out of its folder, to be deleted with everything in it."""
    await tx.run(_DETACH, entry_id=entry_id)


async def delete_detached_files(tx: Tx, limit: int) -> list[tuple[int, int]]:
    """Delete up to `limit` detached files. Return their ids and those of their blobs."""
    return await tx.list(_DELETE_DETACHED, limit=limit)


async def find_detached_folder(tx: Tx) -> int | None:
    """Return the id of a detached folder, or None."""
    found: int | None = await tx.value(_DETACHED_FOLDER)
    return found


async def detach_children(tx: Tx, parent_id: int, limit: int) -> int:
    """Detach up to `limit` entries of a folder. Return their number."""
    return await tx.run(_DETACH_CHILDREN, parent_id=parent_id, limit=limit)


async def get_blob(tx: Tx, blob_id: int) -> Blob | None:
    """Return contents of files."""
    return await tx.find(_BLOB, blob_id=blob_id)


async def use_blob(tx: Tx, *, sha256: str, key: str, size: int) -> Blob:
    """Return the contents with this hash, after noting one more use. `key` is their place if they are new."""
    blob = await tx.create(_USE_BLOB, sha256=sha256, key=key, size=size)
    if blob.key == key:
        await note_stored(tx, size)
    return blob


async def use_again(tx: Tx, blob_id: int) -> None:
    """Note one more use of contents. Raises NotFound if they were just deleted."""
    if not await tx.run(_USE_AGAIN, blob_id=blob_id):
        raise NotFound


async def lock_blobs(tx: Tx, blob_ids: Sequence[int]) -> None:
    """Lock contents in the order of their ids, in which all lock several."""
    await tx.lock(_LOCK_BLOBS, blob_ids=tx.many(blob_ids))


async def release_blob(tx: Tx, blob_id: int) -> None:
    """Note one use less. A job deletes contents without uses."""
    await tx.run(_RELEASE, blob_id=blob_id)


async def release_blobs(tx: Tx, blob_ids: list[int]) -> None:
    """Note one use less for each time that contents are in the list."""
    await lock_blobs(tx, blob_ids)
    by_number: dict[int, list[int]] = {}
    for blob_id, number in Counter(blob_ids).items():
        by_number.setdefault(number, []).append(blob_id)
    for number, some in by_number.items():
        await tx.run(_RELEASE_SOME, number=number, blob_ids=tx.many(some))


async def describe_blob(tx: Tx, blob_id: int, *, width: int, height: int, blurhash: str, duration: int) -> None:
    """Note what is known about contents."""
    await tx.run(_DESCRIBE, blob_id=blob_id, width=width, height=height, blurhash=blurhash, duration=duration)


async def delete_unused_blobs(tx: Tx, limit: int) -> list[Blob]:
    """Forget up to `limit` contents without uses, and return them."""
    found = await tx.list(_DELETE_UNUSED, limit=limit)
    await note_stored(tx, -sum(blob.size for blob in found))
    return found


async def delete_previews(tx: Tx, blob_ids: list[int]) -> list[str]:
    """Forget the previews of contents. Return their keys in the storage."""
    return await tx.values(_DELETE_PREVIEWS, blob_ids=tx.many(blob_ids)) if blob_ids else []


async def get_total(tx: Tx) -> int:
    """Return the bytes of all contents together, with those of unfinished uploads.

    It is exact after `note_stored` in the same transaction, because others then wait to change it.
    """
    return int(await tx.value(_TOTAL))


async def note_stored(tx: Tx, by: int) -> None:
    """Note bytes that are stored from now on, or, below 0, no longer."""
    if by:
        await tx.run(_NOTE_STORED, by=by)


async def get_waiting(tx: Tx, user_id: str) -> tuple[int, int]:
    """Return the bytes and the number of the pieces of a user's unfinished uploads."""
    [(size, pieces)] = await tx.all(_WAITING, user_id=user_id)
    return int(size), int(pieces)


async def is_known_key(tx: Tx, key: str) -> bool:
    """Return True if contents of files are at this key."""
    return await tx.one(_KNOWN_KEY, key=key) is not None
