"""Statements about unfinished changes of members."""

import msgspec
import sqlalchemy as sa

from talkd.areas.rooms.member_model import Change, ChangeKey, Newcomer
from talkd.core.actor import GROUPS, Actor
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, member_changes
from talkd.storage.statements import ONE, ZERO, Statement, bind, columns

_this = (member_changes.c.room_id == bind("in_room", Int), member_changes.c.id == bind("change_id", Int))
_NEW = ("room_id", "actor_type", "actor_id", "actor_name", "people", "after", "removes", "position")
_KEY = shape_of(ChangeKey, member_changes.c.room_id, member_changes.c.id)
_ADD = Query(
    sa.insert(member_changes).values(**{name: bind(name) for name in _NEW}, moved_at=bind("now")).returning(*_KEY), _KEY
)


def _change(
    room_id: int, actor_type: str, actor_id: str, actor_name: str, people: str, after: str, removes: int, position: int
) -> Change:
    newcomers = msgspec.json.decode(people, type=tuple[Newcomer, ...])
    return Change(room_id, Actor(actor_type, actor_id, actor_name), newcomers, bool(removes), position, after)


_CHANGE = shape_of(_change, *columns(member_changes, _NEW))
_GET = Query(sa.select(*_CHANGE).where(*_this), _CHANGE)
_RESTING = Query(
    sa.select(*_KEY).where(member_changes.c.moved_at <= bind("before")).order_by(member_changes.c.id), _KEY
)
_ADDING = Query(
    sa.select(*_CHANGE).where(member_changes.c.room_id == bind("room_id"), member_changes.c.removes == ZERO), _CHANGE
)
_REMOVING = Query(sa.select(*_CHANGE).where(member_changes.c.removes == ONE), _CHANGE)
_MOVE = Statement(
    sa.update(member_changes)
    .where(*_this)
    .values(position=bind("at"), after=bind("behind", sa.Text), moved_at=bind("now"))
)
_DELETE = Statement(sa.delete(member_changes).where(*_this))


async def add(tx: Tx, change: Change, now: int) -> ChangeKey:
    """Store an unfinished change, of which a portion ends now. Return its key."""
    return await tx.create(
        _ADD,
        room_id=change.room_id,
        actor_type=change.actor.type,
        actor_id=change.actor.id,
        actor_name=change.actor.name,
        people=msgspec.json.encode(change.people).decode(),
        after=change.after,
        removes=int(change.removes),
        position=change.position,
        now=now,
    )


async def get(tx: Tx, key: ChangeKey) -> Change | None:
    """Return an unfinished change; None if it is finished or its room is deleted."""
    return await tx.find(_GET, in_room=key.room_id, change_id=key.id)


async def list_adding(tx: Tx, room_id: int) -> list[Change]:
    """Return the unfinished changes that add people to a room."""
    return await tx.list(_ADDING, room_id=room_id)


async def list_resting(tx: Tx, before: int) -> list[ChangeKey]:
    """Return the keys of unfinished changes of which no portion has ended since `before`, oldest first."""
    return await tx.list(_RESTING, before=before)


async def list_rooms_left_by(tx: Tx, group_id: str) -> list[int]:
    """Return the rooms from which a group was removed, but not yet all of its members."""
    group = Newcomer(GROUPS, group_id)
    return [change.room_id for change in await tx.list(_REMOVING) if group in change.people]


async def move(tx: Tx, key: ChangeKey, change: Change, now: int) -> None:
    """Store the progress of a change, of which a portion ends now."""
    await tx.run(_MOVE, in_room=key.room_id, change_id=key.id, at=change.position, behind=change.after, now=now)


async def delete(tx: Tx, key: ChangeKey) -> None:
    """Delete a finished change."""
    await tx.run(_DELETE, in_room=key.room_id, change_id=key.id)
