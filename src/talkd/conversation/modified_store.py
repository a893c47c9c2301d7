"""Statements that set the modification time of rooms after changes in other tables.

Every UPDATE of `rooms` and `attendees` sets the modification time of its own row (`schema.py`). The statements here set
that of a room when its messages, attendees, names or read markers change what clients see of it.
"""

import sqlalchemy as sa

from talkd.conversation.actor_store import reference_text
from talkd.conversation.message_store import NEWEST_VISIBLE_ID, names_actor
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.schema import Int, attendees, messages, rooms
from talkd.storage.statements import ONE, ZERO, Statement, bind, number, word

_NOW = bind("now", Int)
_RACING = 32
"""How many transactions may move read markers of a room at the same time, without seeing each other's new markers.

If more attendees than this have read no further than a marker, moving it cannot change the common read marker.
"""


def _touch(*conditions: sa.ColumnElement[bool]) -> Statement:
    """Return a statement that sets the modification time of the rooms that meet the conditions, if it is older."""
    return Statement(sa.update(rooms).where(rooms.c.modified_at < _NOW, *conditions).values(modified_at=_NOW))


def _has_attendee(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return rooms.c.id.in_(sa.select(attendees.c.room_id).where(*conditions))


_ROOM = _touch(rooms.c.id == bind("room_id"))
_ATTENDEE = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id"))
    .values(modified_at=_NOW)
)
_behind = (
    sa.select(ONE)
    .where(
        attendees.c.room_id == rooms.c.id,
        attendees.c.actor_type == word(USERS),
        attendees.c.read_privacy == ZERO,
        attendees.c.last_read <= bind("marker", Int),
    )
    .limit(ONE)
    .offset(number(_RACING))
)
_READ = _touch(rooms.c.id == bind("room_id"), sa.not_(sa.exists(_behind)))
_of_user = (attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id", sa.Text))
_OF_USER = _touch(_has_attendee(*_of_user))
_newest = messages.alias("newest")
_NAMING = _touch(
    sa.or_(
        rooms.c.user_a == bind("actor_id", sa.Text),
        rooms.c.user_b == bind("actor_id", sa.Text),
        _has_attendee(
            attendees.c.actor_type == bind("actor_type", sa.Text), attendees.c.actor_id == bind("actor_id", sa.Text)
        ),
        sa.exists(
            sa.select(ONE).where(
                _newest.c.room_id == rooms.c.id, _newest.c.id == NEWEST_VISIBLE_ID, names_actor(_newest)
            )
        ),
    )
)


async def touch_room(tx: Tx, room_id: int, now: int) -> None:
    """Mark the room as changed for all its attendees."""
    await tx.run(_ROOM, room_id=room_id, now=now)


async def touch_attendee(tx: Tx, room_id: int, attendee_id: int, now: int) -> None:
    """Mark the room as changed for one attendee."""
    await tx.run(_ATTENDEE, room_id=room_id, attendee_id=attendee_id, now=now)


async def touch_read(tx: Tx, room_id: int, marker: int, now: int) -> None:
    """Mark the room as changed after a read marker moved, if the common read marker may have changed.

    `marker` is the old or the new position, whichever is lower. The common read marker changes only if the reader was
    among the attendees who had read least.
    """
    await tx.run(_READ, room_id=room_id, marker=marker, now=now)


async def touch_rooms_of(tx: Tx, user_id: str, now: int) -> None:
    """Mark the rooms of a user as changed for all their attendees."""
    await tx.run(_OF_USER, user_id=user_id, now=now)


async def touch_rooms_naming(tx: Tx, actor_type: str, actor_id: str, now: int) -> None:
    """Mark the rooms of a renamed user or group as changed, and those whose last message names them."""
    await tx.run(
        _NAMING, actor_type=actor_type, actor_id=actor_id, reference=reference_text(actor_type, actor_id), now=now
    )
