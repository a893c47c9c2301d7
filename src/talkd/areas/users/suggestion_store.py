"""Statements that search for accounts and groups to invite."""

import msgspec
import sqlalchemy as sa

from talkd.areas.settings.enumeration_model import Enumeration
from talkd.areas.users.model import Suggestion
from talkd.core.actor import GROUPS, USERS
from talkd.core.search import like_pattern, searchable
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import attendees, group_members, groups, rooms, users
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, word

_text = bind("text", sa.Text)
_contained = bind("pattern", sa.Text)
_limit = bind("limit", sa.Integer)


def _outside(kind: str, id_: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that the account or group is not an attendee of the room `room_id`."""
    return ~sa.exists(
        sa.select(ONE).where(
            attendees.c.room_id == bind("room_id"),
            attendees.c.actor_type == word(kind),
            attendees.c.actor_id == id_,
        )
    )


def _is_exact(*columns: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(sa.func.search_fold(column) == _text for column in columns))


def _best_first(*columns: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    return sa.case((_is_exact(*columns), ZERO), else_=ONE)


def _is_set(name: str) -> sa.ColumnElement[bool]:
    return bind(name, sa.Integer) == ONE


def _is_shown(*columns: sa.ColumnElement[str], is_close: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that the settings show the row to `by`. `is_close`: it belongs to one of their groups."""
    return sa.and_(
        sa.or_(
            _is_set("browses_all"),
            sa.and_(_is_set("browses_groups"), is_close),
            sa.and_(_is_set("full_match"), _is_exact(*columns)),
        ),
        sa.or_(bind("members_only", sa.Integer) == ZERO, is_close),
    )


_own = group_members.alias("own")
_own_groups = sa.select(_own.c.group_id).where(_own.c.user_id == bind("by"))
_is_in_own_group = users.c.id.in_(sa.select(group_members.c.user_id).where(group_members.c.group_id.in_(_own_groups)))


_ROOM = Statement(
    sa.select(rooms.c.id)
    .join(attendees, attendees.c.room_id == rooms.c.id)
    .where(
        rooms.c.token == bind("token"),
        attendees.c.actor_type == word(USERS),
        attendees.c.actor_id == bind("user_id"),
    )
)
_USER = shape_of(Suggestion, word(USERS), users.c.id, users.c.display_name)
_USERS = Query(
    sa.select(*_USER)
    .where(
        users.c.enabled == ONE,
        sa.or_(
            sa.func.search_fold(users.c.id).like(_contained, escape="\\"),
            sa.func.search_fold(users.c.display_name).like(_contained, escape="\\"),
            sa.and_(users.c.email != EMPTY, sa.func.search_fold(users.c.email) == _text),
        ),
        _outside(USERS, users.c.id),
        _is_shown(users.c.id, users.c.display_name, users.c.email, is_close=_is_in_own_group),
    )
    .order_by(
        _best_first(users.c.id, users.c.display_name, users.c.email),
        sa.func.search_fold(users.c.display_name),
        users.c.id,
    )
    .limit(_limit),
    _USER,
)
_GROUP = shape_of(Suggestion, word(GROUPS), groups.c.id, groups.c.display_name)
_GROUPS = Query(
    sa.select(*_GROUP)
    .where(
        sa.or_(
            sa.func.search_fold(groups.c.id).like(_contained, escape="\\"),
            sa.func.search_fold(groups.c.display_name).like(_contained, escape="\\"),
        ),
        _outside(GROUPS, groups.c.id),
        _is_shown(groups.c.id, groups.c.display_name, is_close=groups.c.id.in_(_own_groups)),
    )
    .order_by(_best_first(groups.c.id, groups.c.display_name), sa.func.search_fold(groups.c.display_name), groups.c.id)
    .limit(_limit),
    _GROUP,
)


async def get_room_id(tx: Tx, token: str, user_id: str) -> int:
    """Return the id of the room if the user is an attendee, otherwise 0, which no room has."""
    return int(await tx.value(_ROOM, token=token, user_id=user_id) or 0)


async def search_users(
    tx: Tx, search: str, room_id: int, limit: int, by: str, enumeration: Enumeration
) -> list[Suggestion]:
    """List enabled accounts outside of the room whose id or name contains the text or that have this e-mail address.

    `enumeration` says which of them the user `by` may see.
    """
    return await tx.list(
        _USERS,
        text=searchable(search),
        pattern=like_pattern(search),
        room_id=room_id,
        limit=limit,
        by=by,
        **_flags(enumeration),
    )


async def search_groups(
    tx: Tx, search: str, room_id: int, limit: int, by: str, enumeration: Enumeration
) -> list[Suggestion]:
    """List groups outside of the room whose id or name contains the text, as far as the user `by` may see them.

    `enumeration` says which of them that is.
    """
    return await tx.list(
        _GROUPS,
        text=searchable(search),
        pattern=like_pattern(search),
        room_id=room_id,
        limit=limit,
        by=by,
        **_flags(enumeration),
    )


def _flags(enumeration: Enumeration) -> dict[str, int]:
    return {name: int(value) for name, value in msgspec.structs.asdict(enumeration).items()}
