"""Statements about pictures of rooms."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import Int, rooms
from talkd.storage.statements import ONE, Statement, bind

_now = bind("now", Int)
_SET = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(
        avatar=bind("avatar"),
        avatar_version=sa.case((rooms.c.avatar_version < _now, _now), else_=rooms.c.avatar_version + ONE),
    )
)


async def set_avatar(tx: Tx, room_id: int, avatar: str, now: int) -> None:
    """Set the column `avatar`, and a version that the room's picture never had: the time, or one more than the last.

    This locks the room.
    """
    await tx.run(_SET, room_id=room_id, avatar=avatar, now=now)
