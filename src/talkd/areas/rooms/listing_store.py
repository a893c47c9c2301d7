"""Statements that find open conversations."""

import sqlalchemy as sa

from talkd.areas.participants.store import ROOM
from talkd.areas.rooms.model import Room
from talkd.areas.users.store import pattern
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.storage.schema import attendees, bans, rooms
from talkd.storage.statements import ONE, ZERO, Statement, bind, word


def _names_user(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether the table has a row of the room for the user."""
    return sa.exists(
        sa.select(ONE).where(
            table.c.room_id == rooms.c.id,
            table.c.actor_type == word(USERS),
            table.c.actor_id == bind("user_id"),
        )
    )


_LISTED = Statement(
    sa.select(*ROOM)
    .where(
        rooms.c.listable > ZERO,
        sa.func.lower(rooms.c.name).like(bind("pattern", sa.Text), escape="\\"),
        ~_names_user(attendees),
        ~_names_user(bans),
    )
    .order_by(sa.func.lower(rooms.c.name), rooms.c.id)
)


async def list_listed(tx: Tx, user_id: str, term: str) -> list[Room]:
    """Return the open rooms whose name holds the term, by name, without those that the user is in or banned from."""
    return [Room(*row) for row in await tx.all(_LISTED, user_id=user_id, pattern=pattern(term))]
