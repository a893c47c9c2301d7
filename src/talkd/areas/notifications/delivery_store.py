"""Statements that create notifications. Each creates the notifications of all recipients at once."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.areas.notifications.model import About, Notification, Subject, occasion_of
from talkd.conversation.attendee_store import CAN_PASS_LOBBY
from talkd.conversation.message import Message
from talkd.conversation.message_store import IS_SHOWN
from talkd.core import clock
from talkd.core.actor import USERS, Actor
from talkd.core.constants import SESSION_TIMEOUT
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, as_before, attendees, messages, notifications, rooms, sessions, users
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, insert, one_of, word


class Recipient(NamedTuple):
    """A user who was newly notified, and the room."""

    room_id: int
    user_id: str


_RECIPIENT = shape_of(Recipient, notifications.c.room_id, notifications.c.user_id)
_VALUES = (*(name for name in Notification.__struct_fields__ if name != "id"), "occasion")


def _session(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return (
        sa.exists()
        .where(sessions.c.room_id == attendees.c.room_id, sessions.c.attendee_id == attendees.c.id, *conditions)
        .correlate(attendees)
    )


_is_in_view = _session(sessions.c.state == ONE, sessions.c.last_ping >= bind("pinged_since", Int))
_is_in_call = _session(sessions.c.in_call > ZERO)
_is_account = sa.and_(attendees.c.actor_type == word(USERS), users.c.id == attendees.c.actor_id, users.c.enabled == ONE)
_has_level = one_of(attendees.c.notification_level, "levels")
# An expression, not the column: if few users are given, the planner then finds them by id and not by level.
_has_level_by_value = one_of(attendees.c.notification_level + ZERO, "levels")
_is_not_archived = attendees.c.archived == ZERO


def _insert(chosen: sa.Select[tuple[object, ...]]) -> Query[Recipient]:
    """Insert the selected notifications, ignoring duplicates; return the users newly notified."""
    statement = insert(notifications).from_select(_VALUES, chosen).on_conflict_do_nothing()
    return Query(statement.returning(*_RECIPIENT), _RECIPIENT)


# --- messages -------------------------------------------------------------------------------
_of_message = (
    sa.select(
        messages.c.room_id,
        attendees.c.actor_id,
        bind("subject", sa.Text),
        word(About.CHAT),
        messages.c.id,
        messages.c.actor_type,
        messages.c.actor_id,
        messages.c.actor_name,
        bind("details", sa.Text),
        messages.c.created_at,
        EMPTY,
    )
    .select_from(messages)
    .join(rooms, rooms.c.id == messages.c.room_id)
    .join(attendees, attendees.c.room_id == messages.c.room_id)
    .join(users, _is_account)
    .where(
        sa.not_(sa.and_(messages.c.actor_type == word(USERS), messages.c.actor_id == attendees.c.actor_id)),
        attendees.c.last_read < messages.c.id,
        CAN_PASS_LOBBY,
        sa.or_(bind("even_in_view", Int) == ONE, sa.not_(_is_in_view)),
    )
)
_one_message = sa.and_(messages.c.room_id == bind("room_id"), messages.c.id == bind("message_id"))
_among = sa.and_(one_of(messages.c.room_id, "room_ids"), one_of(messages.c.id, "message_ids"))
_EVERYBODY = _insert(_of_message.where(_among, _has_level, _is_not_archived).order_by(messages.c.id))
_SOME = _insert(
    _of_message.where(
        _among,
        one_of(attendees.c.actor_id, "user_ids"),
        one_of(sa.cast(messages.c.id, sa.Text) + "/" + attendees.c.actor_id, "pairs"),
        _has_level_by_value,
        attendees.c.archived <= bind("archived", Int),
    ).order_by(messages.c.id)
)
_answered = messages.alias("answered")
_AUTHORS = _insert(
    _of_message.join(
        _answered,
        sa.and_(
            _answered.c.room_id == messages.c.room_id,
            _answered.c.id == messages.c.parent_id,
            _answered.c.actor_type == word(USERS),
            _answered.c.actor_id == attendees.c.actor_id,
        ),
    )
    .where(_among, _has_level_by_value, _is_not_archived)
    .order_by(messages.c.id)
)
_REACTION = _insert(
    sa.select(
        messages.c.room_id,
        attendees.c.actor_id,
        word(Subject.REACTION),
        word(About.CHAT),
        messages.c.id,
        bind("actor_type", sa.Text),
        bind("actor_id", sa.Text),
        bind("actor_name", sa.Text),
        bind("reaction", sa.Text),
        bind("now", Int),
        bind("occasion", sa.Text),
    )
    .select_from(messages)
    .join(rooms, rooms.c.id == messages.c.room_id)
    .join(attendees, attendees.c.room_id == messages.c.room_id)
    .join(users, _is_account)
    .where(
        _one_message,
        messages.c.actor_type == word(USERS),
        messages.c.actor_id == attendees.c.actor_id,
        sa.not_(sa.and_(bind("actor_type", sa.Text) == word(USERS), bind("actor_id", sa.Text) == attendees.c.actor_id)),
        _has_level,
        _is_not_archived,
        CAN_PASS_LOBBY,
    )
)
_REMINDER = _insert(
    sa.select(
        messages.c.room_id,
        users.c.id,
        word(Subject.REMINDER),
        word(About.REMINDER),
        messages.c.id,
        messages.c.actor_type,
        messages.c.actor_id,
        messages.c.actor_name,
        EMPTY,
        bind("now", Int),
        EMPTY,
    )
    .select_from(messages)
    .join(users, users.c.id == bind("user_id"))
    .where(_one_message, IS_SHOWN)
)
_FLAG = Statement(
    sa.update(attendees)
    .where(
        attendees.c.room_id == bind("room_id"),
        attendees.c.actor_type == word(USERS),
        attendees.c.notified == ZERO,
        one_of(attendees.c.actor_id, "user_ids"),
    )
    .values(notified=ONE, **as_before(attendees))
)

# --- rooms ----------------------------------------------------------------------------------
_of_room = (
    sa.select(
        rooms.c.id,
        attendees.c.actor_id,
        bind("subject", sa.Text),
        bind("object_type", sa.Text),
        ZERO,
        bind("actor_type", sa.Text),
        bind("actor_id", sa.Text),
        bind("actor_name", sa.Text),
        bind("details", sa.Text),
        bind("now", Int),
        bind("details", sa.Text),
    )
    .select_from(rooms)
    .join(attendees, attendees.c.room_id == rooms.c.id)
    .join(users, _is_account)
    .where(rooms.c.id == bind("room_id"))
)
_can_be_called = sa.and_(CAN_PASS_LOBBY, sa.not_(_is_in_call))
_CALL = _insert(
    _of_room.where(
        attendees.c.notification_calls == ONE,
        _is_not_archived,
        sa.not_(one_of(attendees.c.actor_id, "silent_for")),
        _can_be_called,
    )
)
_RING = _insert(_of_room.where(attendees.c.id == bind("attendee_id"), _can_be_called))
_RECORDING = _insert(_of_room.where(attendees.c.actor_id == bind("actor_id")))
_INVITATION = _insert(_of_room.where(attendees.c.id == bind("attendee_id")))


async def notify_everybody(
    tx: Tx, posted: list[Message], subject: Subject, levels: tuple[int, ...], now: int
) -> list[Recipient]:
    """Notify everybody in the rooms of these messages who has one of the notification levels."""
    return await _notify_of(tx, _EVERYBODY, posted, subject, levels, now)


async def notify_authors(tx: Tx, posted: list[Message], levels: tuple[int, ...], now: int) -> list[Recipient]:
    """Notify the authors of the messages that these ones reply to."""
    return await _notify_of(tx, _AUTHORS, posted, Subject.REPLY, levels, now)


async def notify_some(
    tx: Tx,
    recipients: list[tuple[Message, str]],
    subject: Subject,
    levels: tuple[int, ...],
    now: int,
    *,
    details: str = "",
    even_archived: bool = False,
) -> list[Recipient]:
    """Notify the user paired with each message. `even_archived` includes users who archived the room."""
    return await _notify_of(
        tx,
        _SOME,
        [message for message, _ in recipients],
        subject,
        levels,
        now,
        details=details,
        user_ids=tx.many([user_id for _, user_id in recipients]),
        pairs=tx.many([f"{message.id}/{user_id}" for message, user_id in recipients]),
        archived=int(even_archived),
    )


async def _notify_of(
    tx: Tx,
    query: Query[Recipient],
    posted: list[Message],
    subject: Subject,
    levels: tuple[int, ...],
    now: int,
    *,
    details: str = "",
    **more: object,
) -> list[Recipient]:
    return await tx.list(
        query,
        room_ids=tx.many(sorted({message.room_id for message in posted})),
        message_ids=tx.many(sorted({message.id for message in posted})),
        subject=subject,
        levels=tx.many(levels),
        details=details,
        now=now,
        # Users who have the room in view are notified of replies and mentions, but not of other messages.
        even_in_view=int(subject != Subject.CHAT),
        pinged_since=clock.moment_of(now) - SESSION_TIMEOUT,
        **more,
    )


async def notify_of_reaction(
    tx: Tx, room_id: int, message_id: int, actor: Actor, reaction: str, levels: tuple[int, ...], now: int
) -> list[Recipient]:
    """Notify the author of the message of a reaction by somebody else."""
    return await tx.list(
        _REACTION,
        room_id=room_id,
        message_id=message_id,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_name=actor.name,
        reaction=reaction,
        occasion=occasion_of(actor, reaction),
        levels=tx.many(levels),
        now=now,
    )


async def remind(tx: Tx, room_id: int, message_id: int, user_id: str, now: int) -> list[Recipient]:
    """Remind the user of the message, if it still exists."""
    return await tx.list(_REMINDER, room_id=room_id, message_id=message_id, user_id=user_id, now=now)


async def set_flag(tx: Tx, room_id: int, user_ids: list[str]) -> None:
    """Set `notified` of these attendees: they have notifications of messages in the room."""
    await tx.run(_FLAG, room_id=room_id, user_ids=tx.many(user_ids))


async def notify_of_call(tx: Tx, room_id: int, actor: Actor, silent_for: tuple[str, ...], now: int) -> list[Recipient]:
    """Notify the attendees who have calls switched on and are not in the call, except those in `silent_for`."""
    return await _notify_in_room(
        tx, _CALL, Subject.CALL, About.CALL, room_id, actor, now, silent_for=tx.many(silent_for)
    )


async def ring(tx: Tx, room_id: int, actor: Actor, attendee_id: int, now: int) -> list[Recipient]:
    """Notify one attendee of a call, unless they are in it."""
    return await _notify_in_room(tx, _RING, Subject.CALL, About.CALL, room_id, actor, now, attendee_id=attendee_id)


async def invite(tx: Tx, room_id: int, actor: Actor, attendee_id: int, now: int) -> list[Recipient]:
    """Notify an attendee that they were added to the room."""
    return await _notify_in_room(
        tx, _INVITATION, Subject.INVITATION, About.ROOM, room_id, actor, now, attendee_id=attendee_id
    )


async def notify_of_recording(tx: Tx, room_id: int, owner: Actor, file: str, now: int) -> list[Recipient]:
    """Notify a user of their stored recording. `file` is its id, a slash and its name."""
    return await _notify_in_room(tx, _RECORDING, Subject.RECORDING, About.RECORDING, room_id, owner, now, details=file)


async def _notify_in_room(
    tx: Tx,
    query: Query[Recipient],
    subject: Subject,
    about: About,
    room_id: int,
    actor: Actor,
    now: int,
    details: str = "",
    **more: object,
) -> list[Recipient]:
    return await tx.list(
        query,
        room_id=room_id,
        subject=subject,
        object_type=about,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_name=actor.name,
        now=now,
        details=details,
        **more,
    )
