"""Statements about breakout rooms."""

import sqlalchemy as sa

from talkd.conversation.attendee_store import ATTENDEE
from talkd.conversation.participant import Attendee
from talkd.conversation.room import BREAKOUT, Room
from talkd.conversation.room_store import ROOM
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import Int, attendees, rooms
from talkd.storage.statements import ZERO, Statement, bind, word

_is_part = sa.and_(rooms.c.object_type == word(BREAKOUT), rooms.c.object_id == bind("token"))

_PARENT = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(breakout_mode=bind("mode"), breakout_status=bind("status"), last_activity=bind("now"))
)
_STATUS = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(breakout_status=bind("status"), last_activity=bind("now"))
)
_DOOR = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(
        lobby_state=bind("lobby", Int),
        lobby_timer=ZERO,
        breakout_status=ZERO,
    )
)
_PERMISSIONS = Statement(
    sa.update(rooms).where(rooms.c.id == bind("room_id")).values(default_permissions=bind("permissions"))
)
_PARTS = Query(sa.select(*ROOM).where(_is_part).order_by(rooms.c.id), ROOM)
_SEATS = Statement(
    sa.select(*ATTENDEE)
    .join_from(rooms, attendees, attendees.c.room_id == rooms.c.id)
    .where(_is_part, attendees.c.actor_type == bind("actor_type"), attendees.c.actor_id == bind("actor_id"))
    .order_by(rooms.c.id)
)


async def set_parent(tx: Tx, room_id: int, mode: int, status: int, now: int) -> None:
    """How a conversation is divided, and whether people are in the parts."""
    await tx.run(_PARENT, room_id=room_id, mode=mode, status=status, now=now)


async def set_status(tx: Tx, room_id: int, status: int, now: int) -> None:
    """Only the status."""
    await tx.run(_STATUS, room_id=room_id, status=status, now=now)


async def set_door(tx: Tx, room_id: int, lobby: int) -> None:
    """Close or open a part; nobody asks for help there any more."""
    await tx.run(_DOOR, room_id=room_id, lobby=lobby)


async def set_permissions(tx: Tx, room_id: int, permissions: int) -> None:
    """The default permissions of a part."""
    await tx.run(_PERMISSIONS, room_id=room_id, permissions=permissions)


async def list_parts(tx: Tx, token: str) -> list[Room]:
    """The breakout rooms of the conversation with that token, in the order of their numbers."""
    return await tx.list(_PARTS, token=token)


async def list_seats(tx: Tx, token: str, actor_type: str, actor_id: str) -> dict[int, Attendee]:
    """Somebody's attendees in the breakout rooms of the conversation with that token, by room."""
    found = [Attendee(*row) for row in await tx.all(_SEATS, token=token, actor_type=actor_type, actor_id=actor_id)]
    return {attendee.room_id: attendee for attendee in found}
