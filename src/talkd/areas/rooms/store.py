"""Statements that find listed rooms."""

import sqlalchemy as sa

from talkd.conversation.room import Room
from talkd.conversation.room_store import ROOM
from talkd.core import names
from talkd.core.actor import USERS
from talkd.core.search import like_pattern
from talkd.storage.database import Tx
from talkd.storage.queries import Query
from talkd.storage.schema import attendees, bans, rooms
from talkd.storage.statements import ONE, ZERO, bind, folded, word


def _names_user(table: sa.Table, is_user: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that the table has a row of the room for the user."""
    return sa.exists(
        sa.select(ONE).where(
            table.c.room_id == rooms.c.id,
            table.c.actor_type == word(USERS),
            is_user,
        )
    )


_LISTED = Query(
    sa.select(*ROOM)
    .where(
        rooms.c.listable > ZERO,
        sa.func.search_fold(rooms.c.name).like(bind("pattern", sa.Text), escape="\\"),
        ~_names_user(attendees, attendees.c.actor_id == bind("user_id")),
        ~_names_user(bans, folded(bans.c.actor_id) == bind("banned", sa.Text)),
    )
    .order_by(sa.func.search_fold(rooms.c.name), rooms.c.id),
    ROOM,
)


async def list_listed(tx: Tx, user_id: str, term: str) -> list[Room]:
    """Return the listed rooms whose name contains the term, by name. Leave out those the user is in or banned from."""
    return await tx.list(_LISTED, user_id=user_id, banned=names.folded(user_id), pattern=like_pattern(term))
