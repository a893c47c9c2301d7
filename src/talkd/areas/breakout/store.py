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

_in_parent = sa.and_(rooms.c.object_type == word(BREAKOUT), rooms.c.object_id == bind("token"))

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
_LOBBY = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(
        lobby_state=bind("lobby", Int),
        lobby_timer=ZERO,
        breakout_status=ZERO,
    )
)
_ROOMS = Query(sa.select(*ROOM).where(_in_parent).order_by(rooms.c.id), ROOM)
_OF_ACTOR = Query(
    sa.select(*ATTENDEE)
    .join_from(rooms, attendees, attendees.c.room_id == rooms.c.id)
    .where(_in_parent, attendees.c.actor_type == bind("actor_type"), attendees.c.actor_id == bind("actor_id"))
    .order_by(rooms.c.id),
    ATTENDEE,
)


async def set_parent(tx: Tx, room_id: int, mode: int, status: int, now: int) -> None:
    """Set the breakout mode and status of a parent room."""
    await tx.run(_PARENT, room_id=room_id, mode=mode, status=status, now=now)


async def set_status(tx: Tx, room_id: int, status: int, now: int) -> None:
    """Set the breakout status of a parent room or a breakout room."""
    await tx.run(_STATUS, room_id=room_id, status=status, now=now)


async def set_lobby(tx: Tx, room_id: int, lobby: int) -> None:
    """Turn the lobby of a breakout room on or off, and end its request for assistance."""
    await tx.run(_LOBBY, room_id=room_id, lobby=lobby)


async def list_rooms(tx: Tx, token: str) -> list[Room]:
    """Return the breakout rooms of the parent room with this token, in the order of their numbers."""
    return await tx.list(_ROOMS, token=token)


async def list_attendees_of(tx: Tx, token: str, actor_type: str, actor_id: str) -> dict[int, Attendee]:
    """Return an actor's attendees in the breakout rooms of the parent room with this token, by room id."""
    found = await tx.list(_OF_ACTOR, token=token, actor_type=actor_type, actor_id=actor_id)
    return {attendee.room_id: attendee for attendee in found}
