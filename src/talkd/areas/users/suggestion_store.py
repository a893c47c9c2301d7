"""Statements that find whom to invite."""

import sqlalchemy as sa

from talkd.areas.users.model import Suggestion
from talkd.areas.users.store import pattern
from talkd.core.actor import GROUPS, USERS
from talkd.storage.database import Tx
from talkd.storage.schema import attendees, groups, rooms, users
from talkd.storage.statements import NOTHING, ONE, ZERO, Statement, bind, word

_text = sa.func.lower(bind("text", sa.Text))
_contained = bind("pattern", sa.Text)
_limit = bind("limit", sa.Integer)


def _outside(kind: str, id_: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Not in the room `room_id`."""
    return ~sa.exists(
        sa.select(ONE).where(
            attendees.c.room_id == bind("room_id"),
            attendees.c.actor_type == word(kind),
            attendees.c.actor_id == id_,
        )
    )


def _best_first(*exact: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    return sa.case(
        (sa.or_(*(sa.func.lower(column) == _text for column in exact)), ZERO),
        else_=ONE,
    )


_ROOM = Statement(
    sa.select(rooms.c.id)
    .join(attendees, attendees.c.room_id == rooms.c.id)
    .where(
        rooms.c.token == bind("token"),
        attendees.c.actor_type == word(USERS),
        attendees.c.actor_id == bind("user_id"),
    )
)
_USERS = Statement(
    sa.select(users.c.id, users.c.display_name)
    .where(
        users.c.enabled == ONE,
        sa.or_(
            sa.func.lower(users.c.id).like(_contained, escape="\\"),
            sa.func.lower(users.c.display_name).like(_contained, escape="\\"),
            sa.and_(users.c.email != NOTHING, sa.func.lower(users.c.email) == _text),
        ),
        _outside(USERS, users.c.id),
    )
    .order_by(
        _best_first(users.c.id, users.c.display_name, users.c.email), sa.func.lower(users.c.display_name), users.c.id
    )
    .limit(_limit)
)
_GROUPS = Statement(
    sa.select(groups.c.id, groups.c.display_name)
    .where(
        sa.or_(
            sa.func.lower(groups.c.id).like(_contained, escape="\\"),
            sa.func.lower(groups.c.display_name).like(_contained, escape="\\"),
        ),
        _outside(GROUPS, groups.c.id),
    )
    .order_by(_best_first(groups.c.id, groups.c.display_name), sa.func.lower(groups.c.display_name), groups.c.id)
    .limit(_limit)
)


async def get_room_id(tx: Tx, token: str, user_id: str) -> int:
    """The id of the room, when the user belongs to it; 0 otherwise, which no room has."""
    return int(await tx.value(_ROOM, token=token, user_id=user_id) or 0)


async def search_users(tx: Tx, search: str, room_id: int, limit: int) -> list[Suggestion]:
    """Enabled accounts with the text in id or name, or with that address, who are not in the room."""
    rows = await tx.all(_USERS, text=search, pattern=pattern(search), room_id=room_id, limit=limit)
    return [Suggestion(USERS, *row) for row in rows]


async def search_groups(tx: Tx, search: str, room_id: int, limit: int) -> list[Suggestion]:
    """Groups with the text in id or name that are not in the room."""
    rows = await tx.all(_GROUPS, text=search, pattern=pattern(search), room_id=room_id, limit=limit)
    return [Suggestion(GROUPS, *row) for row in rows]
