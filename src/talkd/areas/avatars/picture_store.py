"""Statements about uploaded pictures, which are the same for those of accounts and of rooms."""

from typing import Any, NamedTuple

import sqlalchemy as sa

from talkd.areas.avatars.model import Owner, OwnerId, Uploaded
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, room_pictures, user_pictures
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import room_avatars, rooms, user_avatars, users
from talkd.storage.statements import ONE, Statement, bind, insert


class _Old(NamedTuple):
    """A picture that is still in the database."""

    owner_id: OwnerId
    image: bytes


class _Statements(NamedTuple):
    """The statements for one kind of owner."""

    find: Query[Uploaded]
    set: Statement
    remove: Statement
    remove_old: Statement
    next_old: Query[_Old]


def _uploaded(key: str | None, size: int | None, image: bytes | None) -> Uploaded:
    return Uploaded(key or "", size or 0, bytes(image or b""))


def _statements(owners: sa.Table, name: str, new: sa.Table, old: sa.Table) -> _Statements:
    """Return the statements for pictures in the table `new`, or still in `old`. Both name their owner by `name`."""
    owner_id: sa.BindParameter[Any] = bind("owner_id", new.c[name].type)
    uploaded = shape_of(_uploaded, blobs.c.key, blobs.c.size, old.c.image)
    next_old = shape_of(lambda owner_id, image: _Old(owner_id, bytes(image)), old.c[name], old.c.image)
    both = owners.outerjoin(new, new.c[name] == owners.c.id).outerjoin(blobs, blobs.c.id == new.c.blob_id)
    return _Statements(
        find=Query(
            # One statement, so that a picture that is being moved is found in one of the two tables.
            sa.select(*uploaded)
            .select_from(both.outerjoin(old, old.c[name] == owners.c.id))
            .where(owners.c.id == owner_id, sa.or_(blobs.c.id.is_not(None), old.c[name].is_not(None))),
            uploaded,
        ),
        set=Statement(
            insert(new)
            .values({name: owner_id, "blob_id": bind("blob_id")})
            .on_conflict_do_update(index_elements=[name], set_={"blob_id": insert(new).excluded.blob_id})
        ),
        remove=Statement(sa.delete(new).where(new.c[name] == owner_id).returning(new.c.blob_id)),
        remove_old=Statement(sa.delete(old).where(old.c[name] == owner_id)),
        next_old=Query(sa.select(*next_old).order_by(old.c[name]).limit(ONE), next_old),
    )


_OF = {
    Owner.USER: _statements(users, "user_id", user_pictures, user_avatars),
    Owner.ROOM: _statements(rooms, "room_id", room_pictures, room_avatars),
}
_REMOVE_ALL_OF_ROOMS = Statement(sa.delete(room_pictures).returning(room_pictures.c.blob_id))


async def find(tx: Tx, owner: Owner, owner_id: OwnerId) -> Uploaded | None:
    """Return an uploaded picture, with its bytes if they are in the database."""
    return await tx.find(_OF[owner].find, owner_id=owner_id)


async def set_blob_id(tx: Tx, owner: Owner, owner_id: OwnerId, blob_id: int) -> None:
    """Make contents the picture of an account or room."""
    await tx.run(_OF[owner].set, owner_id=owner_id, blob_id=blob_id)


async def delete(tx: Tx, owner: Owner, owner_id: OwnerId) -> list[int]:
    """Delete the row of a picture. Return the id of its contents, if there was one."""
    return await tx.values(_OF[owner].remove, owner_id=owner_id)


async def delete_old(tx: Tx, owner: Owner, owner_id: OwnerId) -> bool:
    """Delete a picture that is still in the database. Return False if there is none."""
    return bool(await tx.run(_OF[owner].remove_old, owner_id=owner_id))


async def find_next_old(tx: Tx, owner: Owner) -> tuple[OwnerId, bytes] | None:
    """Return the next picture that is still in the database, with the id of its owner."""
    return await tx.find(_OF[owner].next_old)


async def delete_all_of_rooms(tx: Tx) -> list[int]:
    """Delete the rows of the pictures of all rooms. Return the ids of their contents."""
    return await tx.values(_REMOVE_ALL_OF_ROOMS)
