"""Statements that compare the rows of files with each other, and with what is in the storage."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from talkd.areas.files.model import Entry, Picture
from talkd.areas.files.store import ENTRY, lock_blobs
from talkd.storage.database import Tx
from talkd.storage.file_schema import (
    STORED,
    USES,
    blobs,
    entries,
    room_pictures,
    storage_use,
    uploads,
    user_pictures,
)
from talkd.storage.queries import Query, shape_of, single
from talkd.storage.schema import Int, room_avatars, rooms, user_avatars
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, one_of

TABLES = {table.name: table for table in STORED}


class Stored(msgspec.Struct, frozen=True):
    """A row with contents in the storage: their key and size."""

    key: str
    size: int


def _picture(user_id: str, token: str | None) -> Picture:
    return Picture(user_id, token or "")


_KNOWN = {
    name: Query(
        sa.select(table.c.key, table.c.size).where(one_of(table.c.key, "keys")),
        shape_of(Stored, table.c.key, table.c.size),
    )
    for name, table in TABLES.items()
}
_AFTER = {
    name: Query(
        sa.select(table.c.key, table.c.size)
        .where(table.c.key > bind("after"))
        .order_by(table.c.key)
        .limit(bind("limit", sa.Integer)),
        shape_of(Stored, table.c.key, table.c.size),
    )
    for name, table in TABLES.items()
}
_used = sa.union_all(*(sa.select(column.label("blob_id")).where(column > ZERO) for column in USES)).subquery()
_counted = sa.select(_used.c.blob_id, sa.func.count().label("number")).group_by(_used.c.blob_id).subquery()
_of_blob = sa.select(sa.func.count()).select_from(_used).where(_used.c.blob_id == blobs.c.id)
_WRONG_COUNTS = Statement(
    sa.select(blobs.c.id)
    .select_from(blobs.outerjoin(_counted, _counted.c.blob_id == blobs.c.id))
    .where(blobs.c.uses != sa.func.coalesce(_counted.c.number, ZERO))
    .order_by(blobs.c.id)
)
_SET_COUNTS = Statement(
    sa.update(blobs).where(one_of(blobs.c.id, "blob_ids")).values(uses=_of_blob.correlate(blobs).scalar_subquery())
)
_contents, _pieces = (
    sa.select(sa.func.coalesce(sa.func.sum(table.c.size), ZERO).cast(Int)).scalar_subquery()
    for table in (blobs, uploads)
)
_stored = _contents + _pieces
_WRONG_USE = Statement(sa.select(storage_use.c.used - _stored))
_LOCK_USE = Statement(sa.select(storage_use.c.id).with_for_update())
_SET_USE = Statement(sa.update(storage_use).values(used=_stored))
_child = entries.alias("child")


def _of_children(value: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """Return a number from all that is directly in a folder."""
    return (
        sa.select(sa.func.coalesce(sa.func.sum(value), ZERO).cast(Int))
        .where(_child.c.parent_id == entries.c.id)
        .correlate(entries)
        .scalar_subquery()
    )


_size, _inside = _of_children(_child.c.size), _of_children(_child.c.inside + ONE)
_is_wrong = sa.and_(
    entries.c.blob_id == ZERO,
    entries.c.parent_id >= ZERO,
    sa.or_(entries.c.size != _size, entries.c.inside != _inside),
)
_WRONG_FOLDERS = Query(sa.select(*ENTRY).where(_is_wrong).order_by(entries.c.id), ENTRY)
_CORRECT_FOLDERS = Statement(
    sa.update(entries).where(entries.c.user_id == bind("user_id"), _is_wrong).values(size=_size, inside=_inside)
)
_parent = entries.alias("parent")
_LOST = Query(
    sa.select(*ENTRY)
    .where(
        entries.c.parent_id > ZERO,
        ~sa.exists().where(_parent.c.id == entries.c.parent_id, _parent.c.blob_id == ZERO),
    )
    .order_by(entries.c.id),
    ENTRY,
)
_EMPTY = Query(
    sa.select(*ENTRY)
    .where(entries.c.blob_id > ZERO, ~sa.exists().where(blobs.c.id == entries.c.blob_id))
    .order_by(entries.c.id),
    ENTRY,
)
_USERS_OF = Query(
    sa.select(*ENTRY)
    .select_from(entries.join(blobs, blobs.c.id == entries.c.blob_id))
    .where(blobs.c.key == bind("key"))
    .order_by(entries.c.id),
    ENTRY,
)
_NO_ROOM, _NO_USER = EMPTY.label("token"), EMPTY.label("user_id")
_pictures = sa.union_all(
    sa.select(user_pictures.c.user_id, _NO_ROOM, user_pictures.c.blob_id),
    sa.select(_NO_USER, rooms.c.token, room_pictures.c.blob_id).select_from(
        room_pictures.outerjoin(rooms, rooms.c.id == room_pictures.c.room_id)
    ),
).subquery()
_PICTURE = shape_of(_picture, _pictures.c.user_id, _pictures.c.token)
_some_pictures = sa.select(*_PICTURE).order_by(_pictures.c.user_id, _pictures.c.token)
_EMPTY_PICTURES = Query(_some_pictures.where(~sa.exists().where(blobs.c.id == _pictures.c.blob_id)), _PICTURE)
_PICTURES_OF = Query(
    _some_pictures.join_from(_pictures, blobs, blobs.c.id == _pictures.c.blob_id).where(blobs.c.key == bind("key")),
    _PICTURE,
)
_PICTURE_NUMBER = Statement(sa.select(sa.func.count()).select_from(_pictures))
_IN_DATABASE = tuple(Statement(sa.select(sa.func.count()).select_from(table)) for table in (user_avatars, room_avatars))
_ROOTS = Query(
    sa.select(entries.c.user_id, entries.c.size).where(entries.c.parent_id == ZERO).order_by(entries.c.name),
    single(entries.c.user_id),
    single(entries.c.size),
)
_FILES = Statement(
    sa.select(entries.c.user_id, sa.func.count()).where(entries.c.blob_id > ZERO).group_by(entries.c.user_id)
)
_NUMBER = Statement(sa.select(sa.func.count()).select_from(blobs))


async def list_known(tx: Tx, table: str, keys: Sequence[str]) -> list[Stored]:
    """Return the rows of a table with contents under these keys."""
    return await tx.list(_KNOWN[table], keys=tx.many(keys))


async def list_after(tx: Tx, table: str, after: str, limit: int) -> list[Stored]:
    """Return the next rows of a table, in the order of their keys."""
    return await tx.list(_AFTER[table], after=after, limit=limit)


async def list_wrong_counts(tx: Tx) -> list[int]:
    """Return the ids of the contents whose number of uses is not that of their entries."""
    return await tx.values(_WRONG_COUNTS)


async def set_counts(tx: Tx, blob_ids: Sequence[int]) -> None:
    """Set the numbers of uses to those of the entries.

    The rows are locked by a statement of their own, so that the second one sees what others have just done.
    """
    await lock_blobs(tx, blob_ids)
    await tx.run(_SET_COUNTS, blob_ids=tx.many(blob_ids))


async def get_wrong_use(tx: Tx) -> int:
    """Return how many bytes too many the noted sum of all contents has; below 0 for too few."""
    return int(await tx.value(_WRONG_USE))


async def set_use(tx: Tx) -> None:
    """Note the sum of all contents anew. The row is locked before, as in `set_counts`."""
    await tx.lock(_LOCK_USE)
    await tx.run(_SET_USE)


async def list_wrong_folders(tx: Tx) -> list[Entry]:
    """Return the folders whose size or number of entries is not that of what is in them."""
    return await tx.list(_WRONG_FOLDERS)


async def correct_folders(tx: Tx, user_id: str) -> int:
    """Set size and number of entries of a user's wrong folders by what is directly in them. Return how many were."""
    return await tx.run(_CORRECT_FOLDERS, user_id=user_id)


async def list_lost(tx: Tx) -> list[Entry]:
    """Return the entries whose folder does not exist."""
    return await tx.list(_LOST)


async def list_empty(tx: Tx) -> list[Entry]:
    """Return the files without a row of contents."""
    return await tx.list(_EMPTY)


async def list_users_of(tx: Tx, key: str) -> list[Entry]:
    """Return the files with the contents under a key."""
    return await tx.list(_USERS_OF, key=key)


async def list_pictures_of(tx: Tx, key: str) -> list[Picture]:
    """Return the pictures with the contents under a key."""
    return await tx.list(_PICTURES_OF, key=key)


async def list_empty_pictures(tx: Tx) -> list[Picture]:
    """Return the pictures without a row of contents."""
    return await tx.list(_EMPTY_PICTURES)


async def count_pictures(tx: Tx) -> int:
    """Return the number of uploaded pictures that are in the storage."""
    return int(await tx.value(_PICTURE_NUMBER))


async def count_pictures_in_database(tx: Tx) -> int:
    """Return the number of uploaded pictures that an older talkd has stored in the database."""
    return sum([int(await tx.value(statement)) for statement in _IN_DATABASE])


async def list_roots(tx: Tx) -> list[tuple[str, int]]:
    """Return the accounts that have files, with the bytes of their files."""
    return await tx.list(_ROOTS)


async def count_files(tx: Tx) -> dict[str, int]:
    """Return the number of files by account."""
    return {str(user_id): int(number) for user_id, number in await tx.all(_FILES)}


async def count_blobs(tx: Tx) -> int:
    """Return the number of different contents."""
    return int(await tx.value(_NUMBER))
