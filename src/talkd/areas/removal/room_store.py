"""Statements that hide and delete the messages of a room, or the whole room.

Rows that belong to messages are deleted before the messages, so that no foreign key deletes more than a portion.
"""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.conversation.participant import Occupants
from talkd.core.actor import USERS
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import (
    Int,
    as_before,
    attendees,
    bans,
    messages,
    notifications,
    poll_votes,
    polls,
    reactions,
    reminders,
    rooms,
    sessions,
    signaling_messages,
)
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, number


class Unfinished(NamedTuple):
    """What is still to be deleted of a room: the messages up to `through`, or the whole room."""

    through: int
    whole: bool


_room_id, _through, _limit = bind("in_room", Int), bind("through", Int), bind("limit", sa.Integer)
_this_room = rooms.c.id == _room_id


def _delete(table: sa.Table, *conditions: sa.ColumnElement[bool], by: str = "id") -> Statement:
    """Return a statement that deletes some rows of the room, in the order of an index."""
    key = (table.c.room_id, table.c.id)
    some = sa.select(*key).where(table.c.room_id == _room_id, *conditions).order_by(table.c[by]).limit(_limit)
    return Statement(sa.delete(table).where(sa.tuple_(*key).in_(some)))


_cleared_polls = sa.select(polls.c.id).where(polls.c.room_id == _room_id, polls.c.message_id <= _through)
_DELETE_CLEARED = (
    _delete(notifications, notifications.c.message_id > ZERO, notifications.c.message_id <= _through, by="message_id"),
    _delete(reminders, reminders.c.message_id <= _through, by="message_id"),
    _delete(reactions, reactions.c.message_id <= _through, by="message_id"),
    _delete(poll_votes, poll_votes.c.poll_id.in_(_cleared_polls), by="poll_id"),
    _delete(polls, polls.c.message_id <= _through, by="message_id"),
    _delete(messages, messages.c.id <= _through),
)
_DELETE_REST = tuple(_delete(table) for table in (notifications, polls, bans, signaling_messages))
_newest_id = sa.select(sa.func.max(messages.c.id)).where(messages.c.room_id == _room_id).scalar_subquery()
_HIDE_MESSAGES = Statement(sa.update(rooms).where(_this_room).values(cleared_id=sa.func.coalesce(_newest_id, ZERO)))
_HIDE_ROOM = Statement(
    sa.update(rooms)
    .where(_this_room)
    .values(
        deleted=ONE,
        cleared_id=number(ABOVE_ALL_IDS),
        name=EMPTY,
        description=EMPTY,
        password_hash=EMPTY,
        object_type=EMPTY,
        object_id=EMPTY,
        user_a=sa.null(),
        user_b=sa.null(),
        listable=ZERO,
        lobby_timer=ZERO,
        call_started_at=ZERO,
        notified_id=rooms.c.last_message_id,
    )
)
_ATTENDEES = Statement(
    sa.select(attendees.c.id, attendees.c.actor_type, attendees.c.actor_id).where(attendees.c.room_id == _room_id)
)
_SESSIONS = Statement(sa.select(sessions.c.session_id).where(sessions.c.room_id == _room_id))
_DELETE_ATTENDEES = Statement(sa.delete(attendees).where(attendees.c.room_id == _room_id))
_UNFINISHED = Statement(sa.select(rooms.c.id).where(rooms.c.cleared_id > ZERO))
_LOCKED = shape_of(
    lambda cleared_id, deleted: Unfinished(cleared_id, bool(deleted)), rooms.c.cleared_id, rooms.c.deleted
)
_LOCK = Query(sa.select(*_LOCKED).where(_this_room, rooms.c.cleared_id > ZERO).with_for_update(), _LOCKED)
_FINISH_CLEARING = Statement(sa.update(rooms).where(_this_room).values(cleared_id=ZERO, **as_before(rooms)))
_DELETE_ROOM = Statement(sa.delete(rooms).where(_this_room))


async def hide_messages(tx: Tx, room_id: int) -> None:
    """Hide all messages that the room has now."""
    await tx.run(_HIDE_MESSAGES, in_room=room_id)


async def hide_room(tx: Tx, room_id: int) -> Occupants:
    """Remove all attendees and hide the room. Return who was in it."""
    rows = await tx.all(_ATTENDEES, in_room=room_id)
    occupants = Occupants(
        attendee_ids=tuple(attendee_id for attendee_id, _, _ in rows),
        user_ids=tuple(actor_id for _, kind, actor_id in rows if kind == USERS),
        session_ids=tuple(await tx.values(_SESSIONS, in_room=room_id)),
    )
    for statement in (_DELETE_ATTENDEES, _HIDE_ROOM):
        await tx.run(statement, in_room=room_id)
    return occupants


async def list_unfinished(tx: Tx) -> list[int]:
    """List the rooms that have hidden rows."""
    return await tx.values(_UNFINISHED)


async def lock_unfinished(tx: Tx, room_id: int) -> Unfinished | None:
    """Lock a room with hidden rows. Return what is to be deleted, or None for a room without hidden rows."""
    return await tx.find(_LOCK, in_room=room_id)


async def delete_some(tx: Tx, room_id: int, through: int, *, whole: bool, limit: int) -> int:
    """Delete up to `limit` rows of messages up to `through`, or of the `whole` room. Return their number."""
    deleted = 0
    for statement in _DELETE_CLEARED:
        if deleted < limit:
            deleted += await tx.run(statement, in_room=room_id, through=through, limit=limit - deleted)
    if whole:
        for statement in _DELETE_REST:
            if deleted < limit:
                deleted += await tx.run(statement, in_room=room_id, limit=limit - deleted)
    return deleted


async def finish(tx: Tx, room_id: int, *, whole: bool) -> None:
    """Note that there are no more hidden rows, or delete the `whole` room."""
    await tx.run(_DELETE_ROOM if whole else _FINISH_CLEARING, in_room=room_id)
