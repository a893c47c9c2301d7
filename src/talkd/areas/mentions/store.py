"""Statements about mention marks: `last_mention` and `last_mention_direct` of attendees.

Each mark is the id of the newest message that mentions the attendee, in any way or as a user; 0 if none does.
"""

import sqlalchemy as sa

from talkd.conversation.attendee_store import ATTENDEE
from talkd.conversation.message import Message
from talkd.conversation.message_store import CLEARED_ID, MESSAGE, is_visible
from talkd.conversation.participant import Attendee
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import Int, attendees, group_members, messages
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, number, one_of, word

SEARCHED = 10_000
"""How many of the newest messages are searched for mentions. The limit keeps rooms with a long history fast."""

_in_room = attendees.c.room_id == bind("in_room")
_is_user = attendees.c.actor_type == word(USERS)

_message_id = bind("message_id", Int)
_is_author = sa.and_(
    attendees.c.actor_type == bind("author_type", sa.Text), attendees.c.actor_id == bind("author_id", sa.Text)
)
_is_user_mentioned = one_of(attendees.c.actor_id, "users")
_is_group_mentioned = attendees.c.actor_id.in_(
    sa.select(group_members.c.user_id).where(one_of(group_members.c.group_id, "groups"))
)
_is_mentioned = sa.and_(
    _is_user,
    sa.not_(_is_author),
    sa.or_(
        bind("everybody", Int) == ONE,
        _is_user_mentioned,
        _is_group_mentioned,
    ),
)
_is_mentioned_directly = sa.and_(_is_user, sa.not_(_is_author), _is_user_mentioned)


def _moved(marker: sa.ColumnElement[int], condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """Return the mark, moved to the message where the condition holds.

    A mark never moves back, because an edited message may be old.
    """
    return sa.case((sa.and_(condition, marker < _message_id), _message_id), else_=marker)


_mark = (
    sa.update(attendees)
    .where(_in_room)
    .values(
        last_read=sa.case(
            (sa.and_(_is_author, bind("has_read", Int) == ONE), _message_id), else_=attendees.c.last_read
        ),
        last_mention=_moved(attendees.c.last_mention, _is_mentioned),
        last_mention_direct=_moved(attendees.c.last_mention_direct, _is_mentioned_directly),
    )
)
_MARK_ALL = Statement(_mark.where(sa.or_(_is_mentioned, _is_author)))
_found = [
    sa.select(attendees.c.id).where(_in_room, *conditions)
    for conditions in ((_is_user, _is_user_mentioned), (_is_user, _is_group_mentioned), (_is_author,))
]
# One SELECT for each kind, so that the index finds a few attendees of a large room.
_MARK_SOME = Statement(_mark.where(attendees.c.id.in_(sa.union_all(*_found))))
_MARKED = Query(
    sa.select(*ATTENDEE).where(
        _in_room,
        sa.or_(one_of(attendees.c.last_mention, "message_ids"), one_of(attendees.c.last_mention_direct, "message_ids")),
    ),
    ATTENDEE,
)
_searched = messages.alias("searched")
_newest = (
    sa.select(_searched.c.id)
    .where(_searched.c.room_id == bind("room_id"), _searched.c.countable == ONE, _searched.c.id > CLEARED_ID)
    .order_by(_searched.c.id.desc())
    .limit(number(SEARCHED))
    .subquery()
)
_MENTIONING = Query(
    sa.select(*MESSAGE)
    .where(
        messages.c.room_id == bind("room_id"),
        messages.c.id.in_(sa.select(_newest.c.id)),
        sa.or_(messages.c.parameters != EMPTY, messages.c.parent_id > ZERO),
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


async def mark_mentioned(
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
    """Mark these users, members of groups or everybody as mentioned, but not the author.

    With `has_read`, the author's read marker moves to the message.
    """
    await tx.run(
        _MARK_ALL if everybody else _MARK_SOME,
        in_room=room_id,
        message_id=message_id,
        author_type=author[0],
        author_id=author[1],
        has_read=int(has_read),
        users=tx.many(users),
        groups=tx.many(groups),
        everybody=int(everybody),
    )


async def list_marked(tx: Tx, room_id: int, message_ids: list[int]) -> list[Attendee]:
    """Return the attendees who have a mark on one of the messages."""
    return await tx.list(_MARKED, in_room=room_id, message_ids=tx.many(message_ids))


async def list_mentioning(tx: Tx, room_id: int, limit: int, now: int) -> list[Message]:
    """Return the messages among the newest SEARCHED that mention somebody or reply to a message, newest first."""
    return await tx.list(_MENTIONING, room_id=room_id, limit=limit, now=now)


async def set_marks(tx: Tx, room_id: int, attendee_ids: list[int], last: int, last_direct: int) -> None:
    """Set both marks of these attendees."""
    await tx.run(_SET, in_room=room_id, attendee_ids=tx.many(attendee_ids), last=last, last_direct=last_direct)
