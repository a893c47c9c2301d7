"""The members and present attendees of rooms, which API v1 lists inside each room."""

from itertools import groupby

import msgspec
import sqlalchemy as sa

from talkd.core import clock
from talkd.core.actor import USERS
from talkd.core.constants import ABOVE_ALL_IDS, SESSION_KILL
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import attendees, sessions
from talkd.storage.statements import EMPTY, ONE, ZERO, bind, by_value, number, word

MAX_MEMBERS = 100
"""API v1 lists the first attendees of a room, up to this number, and all others who have a session."""


class Member(msgspec.Struct, frozen=True):
    """A user of a room, with the id of their newest session ("0" for none) and the call flags of all their sessions."""

    name: str
    type: int
    in_call: int = 0
    session_id: str = "0"


class RoomMembers(msgspec.Struct, frozen=True):
    """How many users and guests have a room open, and the room's users by id."""

    present_users: int = 0
    present_guests: int = 0
    users: dict[str, Member] = msgspec.field(default_factory=dict)


NO_MEMBERS = RoomMembers()


class _Row(msgspec.Struct, frozen=True):
    """An attendee, either without a session or with one of their sessions."""

    room_id: int
    attendee_id: int
    actor_type: str
    actor_id: str
    name: str
    type: int
    session: int
    in_call: int
    session_id: str


_me = attendees.alias("me")
_earlier = attendees.alias("earlier")
_last_listed = (
    sa.select(_earlier.c.id)
    .where(_earlier.c.room_id == _me.c.room_id)
    .order_by(_earlier.c.id)
    .limit(ONE)
    .offset(number(MAX_MEMBERS - 1))
    .correlate(_me)
    .scalar_subquery()
)
_ATTENDEE = (
    by_value(attendees.c.room_id),  # otherwise SQLite reads the attendees of all rooms to get this order
    attendees.c.id,
    attendees.c.actor_type,
    attendees.c.actor_id,
    attendees.c.display_name,
    attendees.c.type,
)
_WITHOUT_SESSION = shape_of(_Row, *_ATTENDEE, ZERO, ZERO, EMPTY)
_WITH_SESSION = (*_ATTENDEE, sessions.c.id, sessions.c.in_call, sessions.c.session_id)


def _members(whose_rooms: sa.ColumnElement[bool]) -> Query[_Row]:
    """Return a query for the first attendees of each room, and for all attendees with each of their sessions."""
    mine = (
        sa.select(_me.c.room_id, sa.func.coalesce(_last_listed, number(ABOVE_ALL_IDS)).label("last_listed"))
        .where(whose_rooms)
        .cte("mine")
        .prefix_with("MATERIALIZED")
    )
    listed = (
        sa.select(*_WITHOUT_SESSION)
        .select_from(mine)
        .join(attendees, sa.and_(attendees.c.room_id == mine.c.room_id, attendees.c.id <= mine.c.last_listed))
    )
    present = (
        sa.select(*_WITH_SESSION)
        .select_from(sessions)
        .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
        # Search by room, not by time: other rooms have more sessions with a recent ping.
        .where(sessions.c.room_id.in_(sa.select(mine.c.room_id)), by_value(sessions.c.last_ping) >= bind("since"))
    )
    return Query(sa.union_all(listed, present).order_by(sa.text("1, 2, 7")), _WITHOUT_SESSION)


_OF_USER = _members(sa.and_(_me.c.actor_type == word(USERS), _me.c.actor_id == bind("user_id", sa.Text)))
_OF_ONE = _members(
    sa.and_(_me.c.room_id == bind("room_id", _me.c.room_id.type), _me.c.id == bind("attendee_id", _me.c.id.type))
)


async def list_members(tx: Tx, user_id: str) -> dict[int, RoomMembers]:
    """Return the members of all rooms of a user, by room id."""
    rows = await tx.list(_OF_USER, user_id=user_id, since=clock.steady() - SESSION_KILL)
    return {room_id: _collect(list(in_room)) for room_id, in_room in groupby(rows, key=lambda row: row.room_id)}


async def get_members(tx: Tx, room_id: int, attendee_id: int) -> RoomMembers:
    """Return the members of a room, or NO_MEMBERS unless this attendee is one of them."""
    since = clock.steady() - SESSION_KILL
    return _collect(await tx.list(_OF_ONE, room_id=room_id, attendee_id=attendee_id, since=since))


def _collect(rows: list[_Row]) -> RoomMembers:
    """Collect the rows of one room. A user's last row has their newest session."""
    users: dict[str, Member] = {}
    present_users: set[int] = set()
    present_guests: set[int] = set()
    for row in rows:
        is_user = row.actor_type == USERS
        if row.session_id:
            (present_users if is_user else present_guests).add(row.attendee_id)
        if is_user:
            known = users.get(row.actor_id)
            in_call = row.in_call | known.in_call if known else row.in_call
            users[row.actor_id] = Member(row.name, row.type, in_call, row.session_id or "0")
    return RoomMembers(len(present_users), len(present_guests), users)
