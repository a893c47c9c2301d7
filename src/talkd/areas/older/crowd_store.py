"""The statement that finds the people of all rooms of somebody at once."""

from itertools import groupby

import sqlalchemy as sa

from talkd.areas.older.crowd_model import Crowd, Person
from talkd.core.actor import USERS
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.storage.database import Row, Tx
from talkd.storage.schema import attendees, sessions
from talkd.storage.statements import NOTHING, ONE, ZERO, Statement, bind, by_value, number, word

MAX_PEOPLE = 100
"""Of each room so many people are told, the first who came, and besides them all who are there."""

_me = attendees.alias("me")
_earlier = attendees.alias("earlier")
_last_told = (
    sa.select(_earlier.c.id)
    .where(_earlier.c.room_id == _me.c.room_id)
    .order_by(_earlier.c.id)
    .limit(ONE)
    .offset(number(MAX_PEOPLE - 1))
    .correlate(_me)
    .scalar_subquery()
)
_PERSON = (
    by_value(attendees.c.room_id),  # else SQLite reads the attendees of all rooms in the wanted order
    attendees.c.id,
    attendees.c.actor_type,
    attendees.c.actor_id,
    attendees.c.display_name,
    attendees.c.type,
)


def _crowds(of_whom: sa.ColumnElement[bool]) -> Statement:
    """The first of each room without a session, and all sessions. What is asked of a room is asked once for it."""
    mine = (
        sa.select(_me.c.room_id, sa.func.coalesce(_last_told, number(ABOVE_ALL_IDS)).label("last_told"))
        .where(of_whom)
        .cte("mine")
        .prefix_with("MATERIALIZED")
    )
    told = (
        sa.select(*_PERSON, ZERO, ZERO, NOTHING)
        .select_from(mine)
        .join(attendees, sa.and_(attendees.c.room_id == mine.c.room_id, attendees.c.id <= mine.c.last_told))
    )
    present = (
        sa.select(*_PERSON, sessions.c.id, sessions.c.in_call, sessions.c.session_id)
        .select_from(sessions)
        .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
        # by room: there are more sessions elsewhere that gave a sign
        .where(sessions.c.room_id.in_(sa.select(mine.c.room_id)), by_value(sessions.c.last_ping) >= bind("since"))
    )
    return Statement(sa.union_all(told, present).order_by(sa.text("1, 2, 7")))


_OF_USER = _crowds(sa.and_(_me.c.actor_type == word(USERS), _me.c.actor_id == bind("user_id", sa.Text)))
_OF_ONE = _crowds(
    sa.and_(_me.c.room_id == bind("room_id", _me.c.room_id.type), _me.c.id == bind("attendee_id", _me.c.id.type))
)


async def list_crowds(tx: Tx, user_id: str, since: int) -> dict[int, Crowd]:
    """The people of all rooms of a user by the rooms' ids; who gave a sign since then is there."""
    rows = await tx.all(_OF_USER, user_id=user_id, since=since)
    return {room_id: _crowd(list(people)) for room_id, people in groupby(rows, key=lambda row: row[0])}


async def get_crowd(tx: Tx, room_id: int, attendee_id: int, since: int) -> Crowd:
    """The people of one room as one who is in it may know them; nobody for whoever is not in it."""
    return _crowd(await tx.all(_OF_ONE, room_id=room_id, attendee_id=attendee_id, since=since))


def _crowd(rows: list[Row]) -> Crowd:
    """From the rows of one room in their order: the last of several devices, and what all bring to the call."""
    people: dict[str, Person] = {}
    users: set[int] = set()
    guests: set[int] = set()
    for _room_id, attendee_id, actor_type, actor_id, name, role, _session, in_call, session_id in rows:
        if session_id:
            (users if actor_type == USERS else guests).add(attendee_id)
        if actor_type == USERS:
            known = people.get(actor_id)
            all_in_call = in_call | known.in_call if known else in_call
            people[actor_id] = Person(name, role, all_in_call, session_id or "0")
    return Crowd(len(users), len(guests), people)
