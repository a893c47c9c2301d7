"""Statements about who is named in messages."""

import sqlalchemy as sa

from talkd.conversation.attendee_store import ATTENDEE
from talkd.conversation.message import Message
from talkd.conversation.message_store import CLEARED_ID, MESSAGE, is_visible
from talkd.conversation.participant import Attendee
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import Int, attendees, group_members, messages
from talkd.storage.statements import NOTHING, ONE, ZERO, Statement, bind, number, one_of, word

SEEN = 10_000
"""Messages looked at to find those that refer to somebody: an old room is as quick as a young one."""

_in_room = attendees.c.room_id == bind("in_room")
_is_user = attendees.c.actor_type == word(USERS)

_message_id = bind("message_id", Int)
_is_author = sa.and_(
    attendees.c.actor_type == bind("author_type", sa.Text), attendees.c.actor_id == bind("author_id", sa.Text)
)
_is_named = one_of(attendees.c.actor_id, "users")
_is_in_group = attendees.c.actor_id.in_(
    sa.select(group_members.c.user_id).where(one_of(group_members.c.group_id, "groups"))
)
_is_meant = sa.and_(
    _is_user,
    sa.not_(_is_author),
    sa.or_(
        bind("everybody", Int) == ONE,
        _is_named,
        _is_in_group,
    ),
)


def _later(marker: sa.ColumnElement[int], condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """The marker moved to the message, never back: an older message that is edited may name somebody too."""
    return sa.case((sa.and_(condition, marker < _message_id), _message_id), else_=marker)


_note = (
    sa.update(attendees)
    .where(_in_room)
    .values(
        last_read=sa.case(
            (sa.and_(_is_author, bind("has_read", Int) == ONE), _message_id), else_=attendees.c.last_read
        ),
        last_mention=_later(attendees.c.last_mention, _is_meant),
        last_mention_direct=_later(attendees.c.last_mention_direct, sa.and_(_is_user, sa.not_(_is_author), _is_named)),
    )
)
_NOTE_ALL = Statement(_note.where(sa.or_(_is_meant, _is_author)))
_found = [
    sa.select(attendees.c.id).where(_in_room, *conditions)
    for conditions in ((_is_user, _is_named), (_is_user, _is_in_group), (_is_author,))
]
# Each kind is looked up by itself, so that a few are found in a large room without reading all its attendees.
_NOTE_SOME = Statement(_note.where(attendees.c.id.in_(sa.union_all(*_found))))
_NAMED_IN = Query(
    sa.select(*ATTENDEE).where(
        _in_room,
        sa.or_(one_of(attendees.c.last_mention, "message_ids"), one_of(attendees.c.last_mention_direct, "message_ids")),
    ),
    ATTENDEE,
)
_seen = messages.alias("seen")
_newest_seen = (
    sa.select(_seen.c.id)
    .where(_seen.c.room_id == bind("room_id"), _seen.c.countable == ONE, _seen.c.id > CLEARED_ID)
    .order_by(_seen.c.id.desc())
    .limit(number(SEEN))
    .subquery()
)
_MENTIONING = Query(
    sa.select(*MESSAGE)
    .where(
        messages.c.room_id == bind("room_id"),
        messages.c.id.in_(sa.select(_newest_seen.c.id)),
        sa.or_(messages.c.parameters != NOTHING, messages.c.parent_id > ZERO),
        is_visible(messages, CLEARED_ID),
    )
    .order_by(messages.c.id.desc())
    .limit(bind("limit", sa.Integer)),
    MESSAGE,
)
_SET = Statement(
    sa.update(attendees)
    .where(_in_room, one_of(attendees.c.id, "attendee_ids"))
    .values(last_mention=bind("last", Int), last_mention_direct=bind("last_direct", Int))
)


async def note_named(
    tx: Tx,
    room_id: int,
    message_id: int,
    *,
    author: tuple[str, str],
    has_read: bool,
    users: list[str],
    groups: list[str],
    everybody: bool,
) -> None:
    """All these but the author were named in the message; with `has_read` the author has read up to it."""
    await tx.run(
        _NOTE_ALL if everybody else _NOTE_SOME,
        in_room=room_id,
        message_id=message_id,
        author_type=author[0],
        author_id=author[1],
        has_read=int(has_read),
        users=tx.many(users),
        groups=tx.many(groups),
        everybody=int(everybody),
    )


async def list_named_in(tx: Tx, room_id: int, message_ids: list[int]) -> list[Attendee]:
    """Those whom one of the messages was the last to name."""
    return await tx.list(_NAMED_IN, in_room=room_id, message_ids=tx.many(message_ids))


async def list_mentioning(tx: Tx, room_id: int, limit: int, now: int) -> list[Message]:
    """List what people said that names somebody or answers something, newest first, among the last SEEN messages."""
    return await tx.list(_MENTIONING, room_id=room_id, limit=limit, now=now)


async def set_mentions(tx: Tx, room_id: int, attendee_ids: list[int], last: int, last_direct: int) -> None:
    """The last messages that name these, in any way and directly; 0 for none."""
    await tx.run(_SET, in_room=room_id, attendee_ids=tx.many(attendee_ids), last=last, last_direct=last_direct)
