"""Statements that store what people write: the message, the room's newest message, and the author's read marker."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from talkd.conversation import message_store
from talkd.conversation.message_store import NEW
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.postgres_batches import Together, given
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, attendees, messages, rooms
from talkd.storage.statements import EMPTY, ONE, ZERO, bind, word


class Posted(NamedTuple):
    """A message that was stored."""

    id: int
    others_read: int | None
    """The id up to which all others with a public read status have read; None if there are no others."""


_known = messages.alias("known")
_cleared = rooms.alias("cleared")


def _is_new(new: Mapping[str, sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    """Return the condition that the author has not sent the same message with the same reference id before."""
    cleared = sa.select(_cleared.c.cleared_id).where(_cleared.c.id == new["room_id"])
    known = sa.select(_known.c.id).where(
        new["reference_id"] != EMPTY,
        _known.c.room_id == new["room_id"],
        _known.c.reference_id == new["reference_id"],
        _known.c.reference_id != EMPTY,  # the condition of the index
        _known.c.actor_type == new["actor_type"],
        _known.c.actor_id == new["actor_id"],
        _known.c.parent_id == new["parent_id"],
        _known.c.message == new["message"],
        _known.c.system == EMPTY,
        _known.c.id > cleared.correlate_except(_cleared).scalar_subquery(),
    )
    # With EXISTS, PostgreSQL might join all messages instead of looking for one.
    return known.limit(ONE).correlate_except(_known).scalar_subquery().is_(None)


def _others_read(room_id: sa.ColumnElement[int], attendee_id: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    others = attendees.alias("others")
    return (
        sa.select(sa.func.min(others.c.last_read))
        .where(
            others.c.room_id == room_id,
            others.c.actor_type == word(USERS),
            others.c.read_privacy == ZERO,
            others.c.id != attendee_id,
        )
        .scalar_subquery()
    )


_values: dict[str, sa.ColumnElement[Any]] = {name: bind(name, messages.c[name].type) for name in NEW}
_POSTED = shape_of(Posted, messages.c.id, _others_read(_values["room_id"], bind("attendee_id", Int)))
_POST = Query(
    sa.insert(messages).from_select(NEW, sa.select(*_values.values()).where(_is_new(_values))).returning(*_POSTED),
    _POSTED,
)

_given = given({"attendee_id": Int, **{name: messages.c[name].type for name in NEW}})
_posted = (
    sa.insert(messages)
    .from_select(
        NEW,
        sa.select(*(_given.c[name] for name in NEW)).where(_is_new({name: _given.c[name] for name in NEW})),
    )
    .returning(messages.c.id, messages.c.room_id, messages.c.created_at, messages.c.expires_at)
    .cte("posted")
)
_newest = (
    sa.update(rooms)
    .where(rooms.c.id == _posted.c.room_id)
    .values(last_message_id=_posted.c.id, last_expires_at=_posted.c.expires_at, last_activity=_posted.c.created_at)
    .returning(rooms.c.id)
    .cte("newest")
)
_reader = (
    sa.update(attendees)
    .where(
        attendees.c.room_id == _posted.c.room_id,
        _given.c.room_id == _posted.c.room_id,
        attendees.c.id == _given.c.attendee_id,
    )
    .values(last_read=_posted.c.id)
    .returning(attendees.c.id)
    .cte("reader")
)
_POSTED_AT_ONCE = shape_of(Posted, _posted.c.id, _others_read(_given.c.room_id, _given.c.attendee_id))
_POST_AT_ONCE = Together(
    sa.select(_given.c.place, *_POSTED_AT_ONCE)
    .select_from(_given.join(_posted, _posted.c.room_id == _given.c.room_id))
    .add_cte(_newest, _reader),
    _given.c.place,
    _POSTED_AT_ONCE,
    ("attendee_id", *NEW),
)
"""Messages in different rooms, whose rows are locked."""


async def post_message(tx: Tx, *, attendee_id: int, **values: int | str) -> Posted | None:
    """Store a message that people are notified of, as the newest one of its room.

    Return None if the author already sent the same message with the same reference id. The caller has locked the room.
    With a database that `changes_at_once`, the author has read up to the message; else the caller must move the marker.
    """
    if tx.changes_at_once:
        return await tx.find(_POST_AT_ONCE, attendee_id=attendee_id, **values)
    posted = await tx.find(_POST, attendee_id=attendee_id, **values)
    if posted is not None:
        room_id, now = int(values["room_id"]), int(values["created_at"])
        await message_store.set_newest(tx, room_id, posted.id, now, notifies=True)
    return posted
