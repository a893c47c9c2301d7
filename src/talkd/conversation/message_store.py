"""Statements about messages."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.conversation.message import DELETED, NO_NEWS, Message
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, shape_of
from talkd.storage.schema import Int, attendees, guest_mentions, messages, rooms
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, insert, number, one_of, word


class Mentions(NamedTuple):
    """Mentions by guests of a network. `since` is the time of the first one."""

    number: int
    since: int


MESSAGE = shape(Message, messages)

_cleared = rooms.alias("cleared")
_cleared_id = sa.select(_cleared.c.cleared_id)
CLEARED_ID = _cleared_id.where(_cleared.c.id == bind("room_id", Int)).scalar_subquery()
"""The id up to which the messages of the room `room_id` were cleared. A statement looks it up once."""


def is_visible(table: sa.FromClause, cleared_id: sa.ColumnElement[int] | None = None) -> sa.ColumnElement[bool]:
    """Return the condition that a row of `messages`, or of an alias, is neither expired at `now` nor cleared.

    `cleared_id`: that of the room, if the statement has it. By default it is looked up for each row.
    """
    if cleared_id is None:
        cleared_id = _cleared_id.where(_cleared.c.id == table.c.room_id).correlate(table).scalar_subquery()
    return sa.and_(sa.or_(table.c.expires_at == ZERO, table.c.expires_at > bind("now", Int)), table.c.id > cleared_id)


IS_SHOWN = sa.and_(messages.c.kind != word(DELETED), is_visible(messages))
"""True if a message still has content to show: it is not deleted, expired or cleared."""
_visible = is_visible(messages, CLEARED_ID)
_in_room = messages.c.room_id == bind("room_id")
_page = sa.select(*MESSAGE).where(_in_room, _visible).limit(bind("limit", sa.Integer))

_BEFORE = Query(_page.where(messages.c.id < bind("known")).order_by(messages.c.id.desc()), MESSAGE)
_AFTER = Query(_page.where(messages.c.id > bind("known")).order_by(messages.c.id), MESSAGE)
_BY_ID = Query(sa.select(*MESSAGE).where(_in_room, _visible, messages.c.id == bind("message_id")), MESSAGE)
_BY_IDS = Query(sa.select(*MESSAGE).where(_in_room, _visible, one_of(messages.c.id, "message_ids")), MESSAGE)
_BY_REFERENCE = Query(
    sa.select(*MESSAGE).where(
        _in_room,
        messages.c.reference_id == bind("reference_id"),
        messages.c.reference_id != EMPTY,
        messages.c.actor_type == bind("actor_type"),
        messages.c.actor_id == bind("actor_id"),
        messages.c.id > CLEARED_ID,
    ),
    MESSAGE,
)
NEW = (
    "room_id",
    "parent_id",
    "actor_type",
    "actor_id",
    "actor_name",
    "kind",
    "system",
    "message",
    "plain",
    "parameters",
    "reference_id",
    "countable",
    "silent",
    "created_at",
    "expires_at",
)
"""The columns of a new message."""
_SHARED = ("object_type", "object_id", "shared_as")


def _insert(names: tuple[str, ...]) -> Statement:
    return Statement(sa.insert(messages).values({name: bind(name) for name in names}).returning(messages.c.id))


_ADD, _ADD_SHARED = _insert(NEW), _insert((*NEW, *_SHARED))
_one = sa.and_(_in_room, messages.c.id == bind("message_id"))
_SET_REACTIONS = Statement(sa.update(messages).where(_one).values(reactions=bind("reactions")))
_SET_SYSTEM = Statement(sa.update(messages).where(_one).values(system=bind("system"), message=bind("message")))
_LAST_ID = Statement(sa.select(sa.func.max(messages.c.id)).where(_in_room, messages.c.id <= bind("known")))
_NEWEST_IN_ROOM = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(
        last_message_id=bind("message_id", Int),
        last_expires_at=sa.select(messages.c.expires_at)
        .where(messages.c.room_id == rooms.c.id, messages.c.id == bind("message_id", Int))
        .scalar_subquery(),
        last_activity=bind("now"),
        notified_id=sa.case(
            (
                sa.and_(bind("notifies", Int) == ZERO, rooms.c.notified_id >= rooms.c.last_message_id),
                bind("message_id", Int),
            ),
            else_=rooms.c.notified_id,
        ),
    )
)
_older = messages.alias("older")
NEWEST_VISIBLE_ID = sa.case(
    (sa.or_(rooms.c.last_expires_at == ZERO, rooms.c.last_expires_at > bind("now", Int)), rooms.c.last_message_id),
    else_=sa.select(_older.c.id)
    .where(
        _older.c.room_id == rooms.c.id,
        _older.c.id < rooms.c.last_message_id,
        _older.c.system.not_in([word(system) for system in sorted(NO_NEWS)]),
        is_visible(_older, rooms.c.cleared_id),
    )
    .order_by(_older.c.id.desc())
    .limit(ONE)
    .correlate(rooms)
    .scalar_subquery(),
)
"""The id of the room's last message. The newest visible message is looked up only if the stored one has expired."""
_MARK_READ = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id"))
    .values(last_read=bind("message_id"))
)
_MARK_FORWARD = Statement(
    sa.update(attendees)
    .where(
        attendees.c.room_id == bind("room_id"),
        one_of(attendees.c.id, "attendee_ids"),
        attendees.c.last_read < bind("message_id"),
        attendees.c.actor_id != EMPTY,  # or SQLite would read a whole room in an index that has all other columns
    )
    .values(last_read=bind("message_id"))
    .returning(attendees.c.id)
)
_FORGET_MENTIONS = Statement(sa.delete(guest_mentions).where(guest_mentions.c.since <= bind("since")))
_MENTIONS = shape_of(Mentions, guest_mentions.c.messages, guest_mentions.c.since)
_COUNT_MENTION = Query(
    insert(guest_mentions)
    .values(network=bind("network"), messages=ONE, since=bind("now"))
    .on_conflict_do_update(index_elements=["network"], set_={"messages": guest_mentions.c.messages + ONE})
    .returning(*_MENTIONS),
    _MENTIONS,
)
COMMON_READ = (
    sa.select(sa.func.min(attendees.c.last_read))
    .where(
        attendees.c.room_id == rooms.c.id,
        attendees.c.actor_type == word(USERS),
        attendees.c.read_privacy == ZERO,
    )
    .correlate(rooms)
    .scalar_subquery()
)
"""The id up to which everybody in the room has read, among users with a public read status."""
_COMMON_READ = Statement(sa.select(COMMON_READ).where(rooms.c.id == bind("room_id")))
_NEWEST_COUNTABLE = Statement(
    sa.select(messages.c.id)
    .where(_in_room, _visible, messages.c.countable == ONE)
    .order_by(messages.c.id.desc())
    .limit(number(2))
)


def names_actor(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a row of `messages`, or of an alias, names an actor: as author, editor or mentioned.

    The parameters are `actor_type`, `actor_id` and `reference`, which is the actor's `actor_store.reference_text`.
    """
    actor = bind("actor_type", sa.Text), bind("actor_id", sa.Text)
    return sa.or_(
        sa.and_(table.c.actor_type == actor[0], table.c.actor_id == actor[1]),
        sa.and_(table.c.edited_by_type == actor[0], table.c.edited_by_id == actor[1]),
        sa.func.replace(table.c.parameters, bind("reference", sa.Text), EMPTY) != table.c.parameters,
    )


async def list_before(tx: Tx, room_id: int, known: int, limit: int, now: int) -> list[Message]:
    """Return up to `limit` messages older than the id `known`, newest first."""
    return await tx.list(_BEFORE, room_id=room_id, known=known, limit=limit, now=now)


async def list_after(tx: Tx, room_id: int, known: int, limit: int, now: int) -> list[Message]:
    """Return up to `limit` messages newer than the id `known`, oldest first."""
    return await tx.list(_AFTER, room_id=room_id, known=known, limit=limit, now=now)


async def get_message(tx: Tx, room_id: int, message_id: int, now: int) -> Message | None:
    """Return a visible message of the room, or None."""
    return await tx.find(_BY_ID, room_id=room_id, message_id=message_id, now=now)


async def get_last_id(tx: Tx, room_id: int, known: int) -> int:
    """Return the largest message id in the room up to `known`, visible or not; 0 if there is none."""
    return int(await tx.value(_LAST_ID, room_id=room_id, known=known) or 0)


async def list_messages(tx: Tx, room_id: int, message_ids: list[int], now: int) -> dict[int, Message]:
    """Return the visible ones of these messages of the room, by id."""
    found = await tx.list(_BY_IDS, room_id=room_id, message_ids=tx.many(message_ids), now=now)
    return {message.id: message for message in found}


async def list_by_reference(tx: Tx, room_id: int, actor_type: str, actor_id: str, reference_id: str) -> list[Message]:
    """Return the messages that this actor sent to the room with this reference id."""
    return await tx.list(
        _BY_REFERENCE, room_id=room_id, actor_type=actor_type, actor_id=actor_id, reference_id=reference_id
    )


async def add_message(tx: Tx, **values: int | str) -> int:
    """Store a message and return its id."""
    return int(await tx.value(_ADD_SHARED if "shared_as" in values else _ADD, **values))


async def set_reactions(tx: Tx, room_id: int, message_id: int, reactions: str) -> None:
    """Store the reaction counts that a message shows: a JSON object, or ""."""
    await tx.run(_SET_REACTIONS, room_id=room_id, message_id=message_id, reactions=reactions)


async def set_system(tx: Tx, room_id: int, message_id: int, system: str, text: str) -> None:
    """Change the type and text of a system message."""
    await tx.run(_SET_SYSTEM, room_id=room_id, message_id=message_id, system=system, message=text)


async def set_newest(tx: Tx, room_id: int, message_id: int, now: int, *, notifies: bool) -> None:
    """Set the room's last message and activity.

    If the message never notifies anybody (`notifies` is False), it does not mark the room as owing notifications.
    """
    await tx.run(_NEWEST_IN_ROOM, room_id=room_id, message_id=message_id, now=now, notifies=int(notifies))


async def mark_read_forward(tx: Tx, room_id: int, attendee_ids: list[int], message_id: int) -> list[int]:
    """Move the read markers of attendees forward to the message. Return the attendees whose markers moved."""
    return await tx.values(_MARK_FORWARD, room_id=room_id, attendee_ids=tx.many(attendee_ids), message_id=message_id)


async def mark_read(tx: Tx, room_id: int, attendee_id: int, message_id: int) -> None:
    """Set the read marker of an attendee, also backwards."""
    await tx.run(_MARK_READ, room_id=room_id, attendee_id=attendee_id, message_id=message_id)


async def count_mention(tx: Tx, network: str, now: int, *, since: int) -> Mentions:
    """Count a mention by a guest of a network. Return the mentions so far.

    The count starts anew if its first mention was not after `since`.
    """
    await tx.run(_FORGET_MENTIONS, since=since)
    return await tx.create(_COUNT_MENTION, network=network, now=now)


async def get_common_read(tx: Tx, room_id: int) -> int | None:
    """Return the id up to which everybody has read; None if no user has a public read status."""
    last: int | None = await tx.value(_COMMON_READ, room_id=room_id)
    return last


async def list_newest_countable(tx: Tx, room_id: int, now: int) -> list[int]:
    """Return the ids of the two newest messages that count as unread."""
    return await tx.values(_NEWEST_COUNTABLE, room_id=room_id, now=now)


_expired = sa.and_(messages.c.expires_at > ZERO, messages.c.expires_at <= bind("now", messages.c.expires_at.type))
_WITH_EXPIRED = Statement(sa.select(messages.c.room_id).where(_expired).distinct().order_by(messages.c.room_id))
_SOME_EXPIRED = sa.select(messages.c.id).where(_in_room, _expired).order_by(messages.c.expires_at)
_DELETE_EXPIRED = Statement(
    sa.delete(messages)
    .where(_in_room, messages.c.id.in_(_SOME_EXPIRED.limit(bind("limit", sa.Integer))))
    .returning(messages.c.id)
)


async def list_rooms_with_expired(tx: Tx, now: int) -> list[int]:
    """Return the rooms with expired messages."""
    return await tx.values(_WITH_EXPIRED, now=now)


async def delete_expired(tx: Tx, room_id: int, limit: int, now: int) -> list[int]:
    """Delete up to `limit` expired messages, and return their ids."""
    return await tx.values(_DELETE_EXPIRED, room_id=room_id, limit=limit, now=now)
