"""Statements about the signaling servers of rooms."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import as_before, rooms
from talkd.storage.statements import Statement, bind

_SERVER = Statement(sa.select(rooms.c.signaling_server).where(rooms.c.id == bind("room_id")))
_SET_SERVER = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(signaling_server=bind("server", sa.Text), **as_before(rooms))
)


async def get_server(tx: Tx, room_id: int) -> str:
    """Return the address of the server that a room was assigned to, or ""."""
    return await tx.value(_SERVER, room_id=room_id) or ""


async def set_server(tx: Tx, room_id: int, server: str) -> None:
    """Assign a room to a server. Clients do not see this in lists of rooms."""
    await tx.run(_SET_SERVER, room_id=room_id, server=server)
