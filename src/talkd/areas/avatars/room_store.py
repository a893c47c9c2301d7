"""Statements about pictures of rooms."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import Int, room_avatars, rooms
from talkd.storage.statements import ONE, Statement, bind, insert

_now = bind("now", Int)
_SET = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(
        avatar=bind("avatar"),
        avatar_version=sa.case((rooms.c.avatar_version < _now, _now), else_=rooms.c.avatar_version + ONE),
    )
)
_IMAGE = Statement(sa.select(room_avatars.c.image).where(room_avatars.c.room_id == bind("room_id")))
_SET_IMAGE = Statement(
    insert(room_avatars)
    .values(room_id=bind("room_id"), image=bind("image"))
    .on_conflict_do_update(index_elements=["room_id"], set_={"image": bind("image", sa.LargeBinary)})
)
_DELETE_IMAGE = Statement(sa.delete(room_avatars).where(room_avatars.c.room_id == bind("room_id")))


async def set_avatar(tx: Tx, room_id: int, avatar: str, now: int) -> None:
    """Set the column `avatar`, and a version that the room's picture never had: the time, or one more than the last."""
    await tx.run(_SET, room_id=room_id, avatar=avatar, now=now)


async def get_image(tx: Tx, room_id: int) -> bytes | None:
    """Return the uploaded picture."""
    image = await tx.value(_IMAGE, room_id=room_id)
    return None if image is None else bytes(image)


async def set_image(tx: Tx, room_id: int, image: bytes) -> None:
    """Store an uploaded picture."""
    await tx.run(_SET_IMAGE, room_id=room_id, image=image)


async def delete_image(tx: Tx, room_id: int) -> None:
    """Delete the uploaded picture."""
    await tx.run(_DELETE_IMAGE, room_id=room_id)
