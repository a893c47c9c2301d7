"""Statements about existing notifications."""

import sqlalchemy as sa

from talkd.areas.notifications.model import About, Entry, Notification, Subject
from talkd.conversation.attendee_store import CAN_PASS_LOBBY, MEMBER
from talkd.conversation.message_store import IS_SHOWN, MESSAGE
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, combined, optional, shape
from talkd.storage.schema import Int, as_before, attendees, messages, notifications, rooms
from talkd.storage.statements import ZERO, Statement, bind, one_of, word

_mine = sa.and_(
    attendees.c.room_id == notifications.c.room_id,
    attendees.c.actor_type == word(USERS),
    attendees.c.actor_id == notifications.c.user_id,
)
_is_unread = sa.or_(
    notifications.c.object_type != word(About.CHAT),
    notifications.c.subject == word(Subject.REACTION),
    notifications.c.message_id > attendees.c.last_read,
)
_is_current = sa.or_(
    notifications.c.object_type == word(About.ROOM),
    sa.and_(
        CAN_PASS_LOBBY,
        sa.or_(notifications.c.message_id == ZERO, sa.and_(messages.c.id.is_not(None), IS_SHOWN, _is_unread)),
    ),
)
_of_message = sa.and_(messages.c.room_id == notifications.c.room_id, messages.c.id == notifications.c.message_id)
_NOTIFICATION = shape(Notification, notifications)
_ENTRY = combined(Entry, _NOTIFICATION, MEMBER, optional(MESSAGE))
_entries = (
    sa.select(*_ENTRY)
    .select_from(notifications)
    .join(attendees, _mine)
    .join(rooms, rooms.c.id == notifications.c.room_id)
    .outerjoin(messages, _of_message)
    .where(notifications.c.user_id == bind("user_id"), _is_current)
    .order_by(notifications.c.created_at.desc(), notifications.c.message_id.desc(), notifications.c.id.desc())
)
_NEWEST = Query(_entries.limit(bind("limit", sa.Integer)), _ENTRY)
_ONE = Query(_entries.where(notifications.c.id == bind("notification_id")), _ENTRY)
_EXISTING = Statement(
    _entries.with_only_columns(notifications.c.id)
    .where(one_of(notifications.c.id, "notification_ids"))
    .order_by(None)
    .order_by(notifications.c.id)
)

_of_user = notifications.c.user_id == bind("user_id")
_in_room = notifications.c.room_id == bind("room_id")
_DELETE = Statement(sa.delete(notifications).where(_of_user, notifications.c.id == bind("notification_id")))
_DELETE_ALL = Statement(sa.delete(notifications).where(_of_user))
_DELETE_IN_ROOM = Statement(sa.delete(notifications).where(_of_user, _in_room))
_DELETE_ABOUT = Statement(
    sa.delete(notifications).where(_of_user, _in_room, notifications.c.object_type == bind("object_type"))
)
_DELETE_OF_MESSAGES = Statement(
    sa.delete(notifications).where(
        one_of(notifications.c.user_id, "user_ids"), _in_room, notifications.c.object_type == word(About.CHAT)
    )
)
_DELETE_REMINDER = Statement(
    sa.delete(notifications).where(
        _of_user,
        _in_room,
        notifications.c.message_id == bind("message_id"),
        notifications.c.object_type == word(About.REMINDER),
    )
)
_DELETE_RECORDING = Statement(
    sa.delete(notifications).where(
        _of_user,
        _in_room,
        notifications.c.object_type == word(About.RECORDING),
        notifications.c.created_at == bind("created_at"),
    )
)
_DELETE_REACTIONS_OF = Statement(
    sa.delete(notifications).where(
        _of_user,
        _in_room,
        notifications.c.object_type == word(About.CHAT),
        notifications.c.subject == word(Subject.REACTION),
    )
)
_CLEAR_FLAGS = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("room_id"), one_of(attendees.c.id, "attendee_ids"))
    .values(notified=ZERO, **as_before(attendees))
)
_DELETE_CALLS_AND_INVITATIONS = Statement(
    sa.delete(notifications).where(
        _in_room,
        notifications.c.message_id == ZERO,
        notifications.c.object_type.in_([word(About.CALL), word(About.ROOM)]),
    )
)
_DELETE_OF_MESSAGE = Statement(
    sa.delete(notifications).where(_in_room, notifications.c.message_id == bind("message_id"))
)
_DELETE_SUBJECT = Statement(
    sa.delete(notifications)
    .where(
        _in_room,
        notifications.c.message_id == bind("message_id"),
        notifications.c.subject == bind("subject"),
        one_of(notifications.c.details, "details"),
    )
    .returning(notifications.c.user_id)
)
_DELETE_REACTION = Statement(
    sa.delete(notifications).where(
        _in_room,
        notifications.c.message_id == bind("message_id"),
        notifications.c.subject == word(Subject.REACTION),
        notifications.c.occasion == bind("occasion"),
    )
)
_DELETE_DIRECT_MENTIONS = Statement(
    sa.delete(notifications)
    .where(
        _in_room,
        notifications.c.message_id == bind("message_id"),
        notifications.c.subject == word(Subject.MENTION_DIRECT),
        one_of(notifications.c.user_id, "user_ids"),
    )
    .returning(notifications.c.user_id)
)
_DELETE_READ = Statement(
    sa.delete(notifications).where(
        _in_room,
        notifications.c.user_id
        == sa.select(attendees.c.actor_id)
        .where(
            attendees.c.room_id == bind("room_id"),
            attendees.c.id == bind("attendee_id"),
            attendees.c.actor_type == word(USERS),
        )
        .scalar_subquery(),
        notifications.c.object_type == word(About.CHAT),
        notifications.c.message_id <= bind("message_id"),
    )
)
_among = one_of(notifications.c.user_id, "user_ids")
_DELETE_OUTDATED = Statement(
    sa.delete(notifications).where(
        _among,
        notifications.c.message_id > ZERO,
        sa.not_(
            sa.exists()
            .where(_of_message, IS_SHOWN, attendees.c.room_id == messages.c.room_id, _mine, _is_unread)
            .correlate(notifications)
        ),
    )
)
_ranked = (
    sa.select(
        notifications.c.room_id,
        notifications.c.id,
        sa.func.row_number()
        .over(partition_by=notifications.c.user_id, order_by=notifications.c.id.desc())
        .label("rank"),
    )
    .where(_among)
    .subquery("ranked")
)
_DELETE_SURPLUS = Statement(
    sa.delete(notifications).where(
        _among,
        sa.tuple_(notifications.c.room_id, notifications.c.id).in_(
            sa.select(_ranked.c.room_id, _ranked.c.id).where(_ranked.c.rank > bind("kept", Int))
        ),
    )
)


async def list_newest(tx: Tx, user_id: str, limit: int, now: int) -> list[Entry]:
    """Return the user's newest notifications that are still shown, newest first."""
    return await tx.list(_NEWEST, user_id=user_id, limit=limit, now=now)


async def find(tx: Tx, user_id: str, notification_id: int, now: int) -> Entry | None:
    """Return one notification of the user, or None if it does not exist or is not shown any more."""
    return await tx.find(_ONE, user_id=user_id, notification_id=notification_id, now=now)


async def list_existing(tx: Tx, user_id: str, notification_ids: list[int], now: int) -> list[int]:
    """Return which of these notifications are still shown."""
    return await tx.values(_EXISTING, user_id=user_id, notification_ids=tx.many(notification_ids), now=now)


async def delete(tx: Tx, user_id: str, notification_id: int) -> None:
    """Delete one notification of the user."""
    await tx.run(_DELETE, user_id=user_id, notification_id=notification_id)


async def delete_all(tx: Tx, user_id: str) -> None:
    """Delete all notifications of the user."""
    await tx.run(_DELETE_ALL, user_id=user_id)


async def delete_in_room(tx: Tx, room_id: int, user_id: str) -> None:
    """Delete the user's notifications in the room."""
    await tx.run(_DELETE_IN_ROOM, room_id=room_id, user_id=user_id)


async def delete_about(tx: Tx, room_id: int, user_id: str, about: About) -> None:
    """Delete the user's notifications in the room about this kind of object."""
    await tx.run(_DELETE_ABOUT, room_id=room_id, user_id=user_id, object_type=about)


async def delete_recording(tx: Tx, room_id: int, user_id: str, created_at: int) -> None:
    """Delete the user's notification of the recording that was stored at this time."""
    await tx.run(_DELETE_RECORDING, room_id=room_id, user_id=user_id, created_at=created_at)


async def delete_reactions_of(tx: Tx, room_id: int, user_id: str) -> None:
    """Delete the user's notifications of reactions in the room."""
    await tx.run(_DELETE_REACTIONS_OF, room_id=room_id, user_id=user_id)


async def clear_flags(tx: Tx, room_id: int, attendee_ids: list[int]) -> None:
    """Clear `notified` of these attendees: they have no notifications of messages in the room."""
    await tx.run(_CLEAR_FLAGS, room_id=room_id, attendee_ids=tx.many(attendee_ids))


async def delete_of_messages(tx: Tx, room_id: int, user_ids: list[str]) -> None:
    """Delete the notifications that these users have of messages in the room."""
    await tx.run(_DELETE_OF_MESSAGES, room_id=room_id, user_ids=tx.many(user_ids))


async def delete_reminder(tx: Tx, room_id: int, user_id: str, message_id: int) -> None:
    """Delete the notification that reminds the user of the message."""
    await tx.run(_DELETE_REMINDER, room_id=room_id, user_id=user_id, message_id=message_id)


async def delete_calls_and_invitations(tx: Tx, room_id: int) -> None:
    """Delete all notifications of calls in the room and of invitations to it."""
    await tx.run(_DELETE_CALLS_AND_INVITATIONS, room_id=room_id)


async def delete_of_message(tx: Tx, room_id: int, message_id: int) -> None:
    """Delete all notifications of the message, reminders included."""
    await tx.run(_DELETE_OF_MESSAGE, room_id=room_id, message_id=message_id)


async def delete_subject(tx: Tx, room_id: int, message_id: int, subject: Subject, details: list[str]) -> list[str]:
    """Delete the message's notifications of one kind with one of these details; return the users who had one."""
    return await tx.values(
        _DELETE_SUBJECT, room_id=room_id, message_id=message_id, subject=subject, details=tx.many(details)
    )


async def delete_direct_mentions(tx: Tx, room_id: int, message_id: int, user_ids: list[str]) -> list[str]:
    """Delete the notifications of direct mentions of these users in the message; return the users who had one."""
    return await tx.values(_DELETE_DIRECT_MENTIONS, room_id=room_id, message_id=message_id, user_ids=tx.many(user_ids))


async def delete_reaction(tx: Tx, room_id: int, message_id: int, occasion: str) -> None:
    """Delete the notification of a reaction, identified by `occasion_of`."""
    await tx.run(_DELETE_REACTION, room_id=room_id, message_id=message_id, occasion=occasion)


async def delete_read(tx: Tx, room_id: int, attendee_id: int, message_id: int) -> None:
    """Delete the attendee's notifications of messages up to this one."""
    await tx.run(_DELETE_READ, room_id=room_id, attendee_id=attendee_id, message_id=message_id)


async def delete_outdated(tx: Tx, user_ids: list[str], *, kept: int, now: int) -> None:
    """Delete these users' notifications that are not shown any more, and all but the newest `kept` of each."""
    await tx.run(_DELETE_OUTDATED, user_ids=tx.many(user_ids), now=now)
    await tx.run(_DELETE_SURPLUS, user_ids=tx.many(user_ids), kept=kept)
