"""Statements about reminders."""

import sqlalchemy as sa

from talkd.areas.reminders.model import Reminder, Upcoming
from talkd.conversation.attendee_store import CAN_PASS_LOBBY, MEMBER
from talkd.conversation.message_store import IS_SHOWN, MESSAGE
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, combined, shape, single
from talkd.storage.schema import Int, attendees, messages, reminders, rooms
from talkd.storage.statements import ONE, Statement, bind, by_value, insert, one_of, word

_REMINDER = shape(Reminder, reminders)
_one = sa.and_(
    reminders.c.room_id == bind("room_id"),
    reminders.c.attendee_id == bind("attendee_id"),
    reminders.c.message_id == bind("message_id"),
)
_is_users = attendees.c.actor_type == word(USERS)
_by_attendee = sa.and_(attendees.c.room_id == reminders.c.room_id, attendees.c.id == reminders.c.attendee_id)
_of_message = sa.and_(messages.c.room_id == reminders.c.room_id, messages.c.id == reminders.c.message_id)

_SET = Statement(
    insert(reminders)
    .values({name: bind(name) for name in ("room_id", "attendee_id", "message_id", "remind_at", "set_at")})
    .on_conflict_do_update(
        index_elements=["room_id", "attendee_id", "message_id"],
        set_={"remind_at": bind("remind_at", Int), "set_at": bind("set_at", Int)},
    )
)
_GET = Query(sa.select(*_REMINDER).where(_one), _REMINDER)
_DELETE = Statement(sa.delete(reminders).where(_one))
_DELETE_OF_MESSAGE = Statement(
    sa.delete(reminders).where(reminders.c.room_id == bind("room_id"), reminders.c.message_id == bind("message_id"))
)
_COUNT_SET = Statement(
    sa.select(sa.func.count())
    .select_from(reminders)
    .join(attendees, _by_attendee)
    .where(_is_users, attendees.c.actor_id == bind("user_id"), reminders.c.set_at > bind("since"))
)
_SHOWN = combined(Upcoming, _REMINDER, MEMBER, MESSAGE)
_UPCOMING = Query(
    sa.select(*_SHOWN)
    .select_from(reminders)
    .join(attendees, _by_attendee)
    .join(rooms, rooms.c.id == reminders.c.room_id)
    .join(messages, _of_message)
    .where(_is_users, attendees.c.actor_id == bind("user_id"), IS_SHOWN, CAN_PASS_LOBBY)
    .order_by(reminders.c.remind_at, reminders.c.id)
    .limit(bind("limit", sa.Integer)),
    _SHOWN,
)
_is_due = reminders.c.remind_at <= bind("now")
_IS_ANY_DUE = Statement(sa.select(ONE).where(_is_due).limit(ONE))
_next_due = sa.select(reminders.c.room_id).where(_is_due).order_by(reminders.c.remind_at, reminders.c.id)
_ROOMS_DUE = Statement(_next_due.limit(bind("limit", sa.Integer)))
_DUE = Query(
    sa.select(*_REMINDER, attendees.c.actor_id)
    .join(attendees, _by_attendee)
    .where(_is_due, one_of(by_value(reminders.c.room_id), "room_ids"))
    .order_by(reminders.c.remind_at, reminders.c.id)
    .limit(bind("limit", sa.Integer)),
    _REMINDER,
    single(attendees.c.actor_id),
)


async def set_reminder(tx: Tx, *, room_id: int, attendee_id: int, message_id: int, remind_at: int, set_at: int) -> None:
    """Add a reminder, or replace the attendee's earlier one of the same message."""
    await tx.run(
        _SET, room_id=room_id, attendee_id=attendee_id, message_id=message_id, remind_at=remind_at, set_at=set_at
    )


async def get_reminder(tx: Tx, room_id: int, attendee_id: int, message_id: int) -> Reminder | None:
    """Return an attendee's reminder of a message, or None."""
    return await tx.find(_GET, room_id=room_id, attendee_id=attendee_id, message_id=message_id)


async def delete_reminder(tx: Tx, room_id: int, attendee_id: int, message_id: int) -> None:
    """Delete an attendee's reminder of the message."""
    await tx.run(_DELETE, room_id=room_id, attendee_id=attendee_id, message_id=message_id)


async def delete_of_message(tx: Tx, room_id: int, message_id: int) -> None:
    """Delete all reminders of the message."""
    await tx.run(_DELETE_OF_MESSAGE, room_id=room_id, message_id=message_id)


async def count_set(tx: Tx, user_id: str, since: int) -> int:
    """Return how many of a user's reminders were set after `since`."""
    return int(await tx.value(_COUNT_SET, user_id=user_id, since=since))


async def list_upcoming(tx: Tx, user_id: str, limit: int, now: int) -> list[Upcoming]:
    """Return a user's next reminders in all rooms, the earliest first."""
    return await tx.list(_UPCOMING, user_id=user_id, limit=limit, now=now)


async def is_any_due(tx: Tx, now: int) -> bool:
    """Return True if a reminder is due."""
    return await tx.one(_IS_ANY_DUE, now=now) is not None


async def list_rooms_due(tx: Tx, limit: int, now: int) -> list[int]:
    """Return the rooms of the next `limit` due reminders, sorted by id."""
    return sorted(set(await tx.values(_ROOMS_DUE, limit=limit, now=now)))


async def list_due(tx: Tx, room_ids: list[int], limit: int, now: int) -> list[tuple[Reminder, str]]:
    """Return due reminders in these rooms, each with the user to remind."""
    return await tx.list(_DUE, room_ids=tx.many(room_ids), limit=limit, now=now)
