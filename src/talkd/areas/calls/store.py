"""Statements about calls."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.conversation.attendee_store import ATTENDEE
from talkd.conversation.participant import Attendee
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import as_before, attendees, rooms, sessions
from talkd.storage.statements import ZERO, Statement, bind


class ActiveCall(NamedTuple):
    """A room with a call, and the number of attendees in it."""

    token: str
    attendees: int


_START = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(call_started_at=bind("started_at"), call_flag=bind("flag"), last_activity=bind("now"))
)
_ADD_FLAG = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(call_flag=rooms.c.call_flag.op("|")(bind("flag", sa.Integer)))
)
_END = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(call_started_at=ZERO, call_flag=ZERO, call_permissions=ZERO)
)
_BEGUN_BEFORE = Statement(
    sa.select(rooms.c.id).where(rooms.c.call_started_at > ZERO, rooms.c.call_started_at <= bind("before"))
)
_COUNT = Statement(sa.select(sa.func.count()).where(sessions.c.room_id == bind("room_id"), sessions.c.in_call > ZERO))
_ENTERED = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id"))
    .values(in_call_since=bind("now"), **as_before(attendees))
)
_PARTICIPANTS = Query(
    sa.select(*ATTENDEE)
    .where(attendees.c.room_id == bind("room_id"), attendees.c.in_call_since >= bind("since"))
    .order_by(attendees.c.in_call_since, attendees.c.id),
    ATTENDEE,
)


async def start(tx: Tx, room_id: int, flag: int, started_at: int, now: int) -> None:
    """Start the call. `started_at` is on the steady clock, `now` is Unix time; both in seconds."""
    await tx.run(_START, room_id=room_id, started_at=started_at, flag=flag, now=now)


async def add_flag(tx: Tx, room_id: int, flag: int) -> None:
    """Add the flags with which a device joined. They stay until the call ends (docs/api/compatibility.md)."""
    await tx.run(_ADD_FLAG, room_id=room_id, flag=flag)


async def end(tx: Tx, room_id: int) -> None:
    """End the call, and delete the permissions that were set for it."""
    await tx.run(_END, room_id=room_id)


async def count_in_call(tx: Tx, room_id: int) -> int:
    """Return how many devices are in the call."""
    return int(await tx.value(_COUNT, room_id=room_id))


async def set_entered(tx: Tx, room_id: int, attendee_id: int, now: int) -> None:
    """Record when the attendee joined the call."""
    await tx.run(_ENTERED, room_id=room_id, attendee_id=attendee_id, now=now)


async def list_participants(tx: Tx, room_id: int, since: int) -> list[Attendee]:
    """Return the attendees who joined a call at the time `since` or later, in the order in which they joined."""
    return await tx.list(_PARTICIPANTS, room_id=room_id, since=since)


_ACTIVE_CALL = shape_of(ActiveCall, rooms.c.token, sa.func.count(attendees.c.id.distinct()))
_ACTIVE = Query(
    sa.select(*_ACTIVE_CALL)
    .join_from(rooms, sessions, sessions.c.room_id == rooms.c.id)
    .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
    .where(rooms.c.call_started_at > ZERO, sessions.c.in_call > ZERO, sessions.c.last_ping >= bind("since"))
    .group_by(rooms.c.id, rooms.c.token)
    .order_by(rooms.c.id),
    _ACTIVE_CALL,
)


async def list_active(tx: Tx, since: int) -> list[ActiveCall]:
    """Return all calls. Attendees count if one of their sessions has sent a ping since `since`."""
    return await tx.list(_ACTIVE, since=since)


async def list_rooms_with_call_since(tx: Tx, before: int) -> list[int]:
    """Return the rooms whose call began at the time `before` or earlier."""
    return await tx.values(_BEGUN_BEFORE, before=before)
