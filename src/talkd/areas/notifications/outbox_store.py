"""Statements about messages whose notifications are outstanding.

Notifications exist for a room's messages up to `notified_id`. The later ones are outstanding.
"""

import sqlalchemy as sa

from talkd.conversation.message import Message
from talkd.conversation.message_store import IS_SHOWN, MESSAGE
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.storage.queries import Query, single
from talkd.storage.schema import Int, as_before, attendees, messages, rooms
from talkd.storage.statements import ONE, ZERO, Statement, bind, number, one_of, word

_ROOMS = Statement(sa.select(rooms.c.id).where(rooms.c.notified_id < rooms.c.last_message_id).order_by(rooms.c.id))
_PERSONAL = [number(RoomType.CHANGELOG), number(RoomType.NOTE_TO_SELF)]
_ROOMS_OF = Statement(
    sa.select(rooms.c.id)
    .select_from(attendees)
    .join(rooms, rooms.c.id == attendees.c.room_id)
    .where(
        attendees.c.actor_type == word(USERS),
        attendees.c.actor_id == bind("user_id"),
        rooms.c.notified_id < rooms.c.last_message_id,
        rooms.c.type.not_in(_PERSONAL),
    )
    .order_by(rooms.c.id)
)
_MESSAGES = Query(
    sa.select(rooms.c.type, *MESSAGE)
    .select_from(rooms)
    .join(messages, messages.c.room_id == rooms.c.id)
    .where(
        one_of(rooms.c.id, "room_ids"),
        rooms.c.type.not_in(_PERSONAL),
        messages.c.id > rooms.c.notified_id,
        messages.c.id <= rooms.c.last_message_id,  # `notified_id` never passes it
        messages.c.countable == ONE,
        messages.c.silent == ZERO,
        IS_SHOWN,
    )
    .order_by(messages.c.id)
    .limit(bind("limit", sa.Integer)),
    single(rooms.c.type),
    MESSAGE,
)
_through = bind("through", Int)
_SET_NOTIFIED = Statement(
    sa.update(rooms)
    .where(one_of(rooms.c.id, "room_ids"), rooms.c.notified_id < _through)
    .values(
        notified_id=sa.case((rooms.c.last_message_id < _through, rooms.c.last_message_id), else_=_through),
        **as_before(rooms),
    )
)


async def list_rooms(tx: Tx) -> list[int]:
    """Return the rooms with outstanding messages."""
    return await tx.values(_ROOMS)


async def list_rooms_of(tx: Tx, user_id: str) -> list[int]:
    """Return the user's rooms with outstanding messages, sorted by id: rooms are always locked in this order."""
    return await tx.values(_ROOMS_OF, user_id=user_id)


async def list_messages(tx: Tx, room_ids: list[int], limit: int, now: int) -> list[tuple[int, Message]]:
    """Return the outstanding messages of these rooms, oldest first, each with its room's type."""
    return await tx.list(_MESSAGES, room_ids=tx.many(room_ids), limit=limit, now=now)


async def set_notified(tx: Tx, room_ids: list[int], through: int) -> None:
    """Record that the notifications of these rooms' messages up to `through` exist. `notified_id` never moves back."""
    await tx.run(_SET_NOTIFIED, room_ids=tx.many(room_ids), through=through)
