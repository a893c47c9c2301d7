"""Statements about the recording of calls."""

import sqlalchemy as sa

from talkd.conversation.room import Room
from talkd.conversation.room_store import ROOM
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import rooms
from talkd.storage.statements import ZERO, one_of

_WITHOUT_CALL = Query(
    sa.select(*ROOM).where(
        rooms.c.call_recording > ZERO,
        one_of(rooms.c.call_recording, "states"),
        rooms.c.call_started_at == ZERO,
        rooms.c.deleted == ZERO,
    ),
    ROOM,
)


async def list_without_call(tx: Tx, states: list[int]) -> list[Room]:
    """Return the rooms whose recording is in one of these states although there is no call."""
    return await tx.list(_WITHOUT_CALL, states=tx.many(states))
