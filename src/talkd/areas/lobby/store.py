"""Statements about lobbies."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import rooms
from talkd.storage.statements import ZERO, Statement, bind

_SET = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(lobby_state=bind("state", rooms.c.lobby_state.type), lobby_timer=bind("timer", rooms.c.lobby_timer.type))
)
_DUE = Statement(
    sa.select(rooms.c.id)
    .where(
        rooms.c.lobby_timer > ZERO,
        rooms.c.lobby_timer <= bind("now"),
        rooms.c.lobby_state > ZERO,
    )
    .order_by(rooms.c.id)
)


async def set_lobby(tx: Tx, room_id: int, state: int, timer: int) -> None:
    """Turn the lobby of a room on or off. It is turned off at the Unix time `timer` (0: never)."""
    await tx.run(_SET, room_id=room_id, state=state, timer=timer)


async def list_due(tx: Tx, now: int) -> list[int]:
    """Return the ids of the rooms whose lobby is on and has an expired timer."""
    return await tx.values(_DUE, now=now)
