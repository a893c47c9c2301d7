"""Statements about what nobody has been told of yet: the messages after the one that each room remembers."""

import sqlalchemy as sa

from talkd.areas.notifications.store import IS_VISIBLE
from talkd.conversation.message import Message
from talkd.conversation.message_store import MESSAGE
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.storage.schema import Int, as_before, attendees, messages, rooms
from talkd.storage.statements import ONE, ZERO, Statement, bind, number, one_of, word

_WAITING = Statement(sa.select(rooms.c.id).where(rooms.c.notified_id < rooms.c.last_message_id).order_by(rooms.c.id))
_PERSONAL = [number(RoomType.CHANGELOG), number(RoomType.NOTE_TO_SELF)]
_WAITING_FOR = Statement(
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
_UNTOLD = Statement(
    sa.select(rooms.c.type, *MESSAGE)
    .select_from(rooms)
    .join(messages, messages.c.room_id == rooms.c.id)
    .where(
        one_of(rooms.c.id, "room_ids"),
        rooms.c.type.not_in(_PERSONAL),
        messages.c.id > rooms.c.notified_id,
        messages.c.id <= rooms.c.last_message_id,  # no room remembers more, so that telling of more would never end
        messages.c.countable == ONE,
        messages.c.silent == ZERO,
        IS_VISIBLE,
    )
    .order_by(messages.c.id)
    .limit(bind("limit", sa.Integer))
)
_through = bind("through", Int)
_SETTLE = Statement(
    sa.update(rooms)
    .where(one_of(rooms.c.id, "room_ids"), rooms.c.notified_id < _through)
    .values(
        notified_id=sa.case((rooms.c.last_message_id < _through, rooms.c.last_message_id), else_=_through),
        **as_before(rooms),
    )
)


async def list_waiting(tx: Tx) -> list[int]:
    """Rooms in which something was said that nobody has been told of."""
    return [row[0] for row in await tx.all(_WAITING)]


async def list_waiting_for(tx: Tx, user_id: str) -> list[int]:
    """Return the user's rooms with messages that have not created their notifications yet, in the order of locks."""
    return [row[0] for row in await tx.all(_WAITING_FOR, user_id=user_id)]


async def list_untold(tx: Tx, room_ids: list[int], limit: int, now: int) -> list[tuple[int, Message]]:
    """What was said in these rooms since people were told last, oldest first, each with the room's type."""
    rows = await tx.all(_UNTOLD, room_ids=tx.many(room_ids), limit=limit, now=now)
    return [(row[0], Message(*row[1:])) for row in rows]


async def settle(tx: Tx, room_ids: list[int], through: int) -> None:
    """Of everything in these rooms up to that message people have been told."""
    await tx.run(_SETTLE, room_ids=tx.many(room_ids), through=through)
