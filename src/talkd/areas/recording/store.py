"""Statements about the recording of calls."""

import sqlalchemy as sa

from talkd.conversation.room import Room
from talkd.conversation.room_store import ROOM
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import as_before, rooms
from talkd.storage.statements import ZERO, Statement, bind, one_of

_WITHOUT_CALL = Query(
    sa.select(*ROOM).where(
        rooms.c.call_recording > ZERO,
        one_of(rooms.c.call_recording, "states"),
        rooms.c.call_started_at == ZERO,
        rooms.c.deleted == ZERO,
    ),
    ROOM,
)

_this = rooms.c.id == bind("room_id")
_ADDRESS = Statement(sa.select(rooms.c.recording_address, rooms.c.recording_stopped_at).where(_this))
_SET_ADDRESS = Statement(
    sa.update(rooms)
    .where(_this)
    .values(recording_address=bind("address", sa.Text), recording_stopped_at=ZERO, **as_before(rooms))
)
_SET_STOPPED = Statement(sa.update(rooms).where(_this).values(recording_stopped_at=bind("now"), **as_before(rooms)))


async def get_address(tx: Tx, room_id: int) -> tuple[str, int]:
    """Return the address under which a recording was begun, and when the recording server was last asked to end it."""
    row = await tx.one(_ADDRESS, room_id=room_id)
    return (row[0], row[1]) if row is not None else ("", 0)


async def set_address(tx: Tx, room_id: int, address: str) -> None:
    """Store the address under which a recording begins. Nobody has asked to end it."""
    await tx.run(_SET_ADDRESS, room_id=room_id, address=address)


async def set_stopped(tx: Tx, room_id: int, now: int) -> None:
    """Store that the recording server is asked to end a recording."""
    await tx.run(_SET_STOPPED, room_id=room_id, now=now)


async def list_without_call(tx: Tx, states: list[int]) -> list[Room]:
    """Return the rooms whose recording is in one of these states although there is no call."""
    return await tx.list(_WITHOUT_CALL, states=tx.many(states))
