"""Statements about conversations, and the one that makes the room list."""

import msgspec
import sqlalchemy as sa

from talkd.areas.chat.model import Message
from talkd.areas.chat.store import COMMON_READ, MESSAGE, NEWEST_VISIBLE_ID, is_visible
from talkd.areas.participants.model import Participant
from talkd.areas.participants.store import ATTENDEE, ROOM, SESSION, own_session, participant
from talkd.areas.rooms.creation_model import NO_ATTRIBUTES, Attributes
from talkd.areas.rooms.model import Room
from talkd.core import clock
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.storage.database import Row, Tx
from talkd.storage.schema import Int, attendees, messages, rooms, sessions, users
from talkd.storage.statements import NOTHING, ONE, ZERO, Statement, bind, number, word


class Overview(msgspec.Struct, frozen=True):
    """A room as one of its attendees sees it."""

    me: Participant
    unread: int
    is_named: bool
    """Whether a message that is unread mentions the attendee in any way."""
    is_named_directly: bool
    common_read: int
    partner_name: str
    last_message: Message | None


_unread = (
    sa.select(sa.func.count())
    .where(
        messages.c.room_id == attendees.c.room_id,
        messages.c.id
        > sa.case((attendees.c.last_read > rooms.c.cleared_id, attendees.c.last_read), else_=rooms.c.cleared_id),
        messages.c.countable == ONE,
        is_visible(messages, rooms.c.cleared_id),
    )
    .correlate(attendees, rooms)
    .scalar_subquery()
)


def _names_unread(marker: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Whether the marked message is unread, and there to be read."""
    shown = (
        sa.select(ONE)
        .where(
            messages.c.room_id == attendees.c.room_id,
            messages.c.id == marker,
            is_visible(messages, rooms.c.cleared_id),
        )
        .correlate(attendees, rooms)
        .scalar_subquery()
    )
    return sa.case((marker <= attendees.c.last_read, ZERO), else_=sa.func.coalesce(shown, ZERO))


_partner = users.alias("partner")
_partner_id = sa.case((rooms.c.user_a == attendees.c.actor_id, rooms.c.user_b), else_=rooms.c.user_a)
_last, _expiring = messages.alias("last"), messages.alias("expiring")
_LAST = [NOTHING if column.name == "reference_id" else _last.c[column.name] for column in MESSAGE]
"""The last message as a room shows it: without the reference id, which is for the client that sent it."""

_overview = (
    sa.select(
        *ROOM,
        *ATTENDEE,
        *SESSION,
        sa.case((attendees.c.last_read >= rooms.c.last_message_id, ZERO), else_=_unread),
        _names_unread(attendees.c.last_mention),
        _names_unread(attendees.c.last_mention_direct),
        sa.func.coalesce(COMMON_READ, ZERO),
        _partner.c.display_name,
        *_LAST,
    )
    .select_from(attendees)
    .join(rooms, rooms.c.id == attendees.c.room_id)
    .outerjoin(sessions, sa.and_(sessions.c.room_id == attendees.c.room_id, own_session))
    .outerjoin(_partner, sa.and_(rooms.c.user_a.is_not(None), _partner.c.id == _partner_id))
    .outerjoin(
        _last,
        sa.and_(
            _last.c.room_id == rooms.c.id,
            _last.c.id == NEWEST_VISIBLE_ID,
            is_visible(_last, rooms.c.cleared_id),
        ),
    )
)
_since, _now = bind("since", Int), bind("now", Int)
_has_expired = sa.exists(
    sa.select(ONE).where(
        _expiring.c.room_id == rooms.c.id,
        _expiring.c.expires_at > ZERO,
        _expiring.c.expires_at >= _since,
        _expiring.c.expires_at <= _now,
    )
)
_has_changed = sa.or_(
    rooms.c.modified_at >= _since,
    attendees.c.modified_at >= _since,
    rooms.c.call_started_at > ZERO,
    sessions.c.last_ping >= bind("since_seen", Int),
    sa.and_(rooms.c.lobby_timer > ZERO, rooms.c.lobby_timer >= _since, rooms.c.lobby_timer <= _now),
    sa.and_(bind("statuses", sa.Integer) == ONE, rooms.c.type == number(RoomType.ONE_TO_ONE)),
    _has_expired,
)
"""Whether the user may see something of the room differently than before `since`: because of a write (`schema.py`,
`modified_store.py`), because time has passed, or because calls and statuses are always reported."""
_OF_USER = Statement(
    _overview.where(
        attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"), _has_changed
    ).order_by(attendees.c.room_id)  # as the index has them
)
_ONE = Statement(_overview.where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id")))

_ADD = Statement(
    sa.insert(rooms)
    .values(
        {
            name: bind(name)
            for name in (
                "token",
                "type",
                "name",
                "description",
                "object_type",
                "object_id",
                "user_a",
                "user_b",
                "password_hash",
                "created_at",
                "last_activity",
                "modified_at",
                *Attributes.__struct_fields__,
            )
        }
    )
    .returning(*ROOM)
)
_BY_PAIR = Statement(sa.select(*ROOM).where(rooms.c.user_a == bind("user_a"), rooms.c.user_b == bind("user_b")))
_BY_OBJECT = Statement(
    sa.select(*ROOM).where(rooms.c.object_type == bind("object_type"), rooms.c.object_id == bind("object_id"))
)
_IS_TAKEN = Statement(sa.select(ONE).where(rooms.c.token == bind("token")))
_SET = {
    name: Statement(
        sa.update(rooms).where(rooms.c.id == bind("room_id")).values({name: bind("value", rooms.c[name].type)})
    )
    for name in (
        "name",
        "description",
        "type",
        "password_hash",
        "read_only",
        "listable",
        "default_permissions",
        "message_expiration",
        "mention_permissions",
        "recording_consent",
    )
}

_PEOPLE_END = len(ROOM) + len(ATTENDEE) + len(SESSION)


def _read(row: Row) -> Overview:
    unread, named, named_directly, common_read, partner_name, *last = row[_PEOPLE_END:]
    return Overview(
        participant(row),
        unread,
        bool(named),
        bool(named_directly),
        common_read,
        partner_name or "",
        None if last[0] is None else Message(*last),
    )


async def list_overviews(
    tx: Tx, user_id: str, *, browser: str, since: int, one_to_one_too: bool, now: int
) -> list[Overview]:
    """All rooms of a user that changed since then; with `one_to_one_too` all one-to-one ones as well."""
    rows = await tx.all(
        _OF_USER,
        user_id=user_id,
        browser=browser,
        since=since,
        since_seen=clock.moment_of(since),
        statuses=int(one_to_one_too),
        now=now,
    )
    return [_read(row) for row in rows]


async def get_overview(tx: Tx, room_id: int, attendee_id: int, *, browser: str, now: int) -> Overview | None:
    """One room as one attendee sees it."""
    row = await tx.one(_ONE, room_id=room_id, attendee_id=attendee_id, browser=browser, now=now)
    return None if row is None else _read(row)


async def add_room(
    tx: Tx,
    *,
    token: str,
    type: int,
    name: str,
    now: int,
    description: str = "",
    object_type: str = "",
    object_id: str = "",
    users: tuple[str, str] | None = None,
    password_hash: str = "",
    attributes: Attributes = NO_ATTRIBUTES,
) -> Room:
    """Store a new room."""
    user_a, user_b = users or (None, None)
    row = await tx.one(
        _ADD,
        token=token,
        type=type,
        name=name,
        description=description,
        object_type=object_type,
        object_id=object_id,
        user_a=user_a,
        user_b=user_b,
        password_hash=password_hash,
        created_at=now,
        last_activity=now,
        modified_at=now,
        **msgspec.structs.asdict(attributes),
    )
    assert row is not None, "an insert returns its row"
    return Room(*row)


async def find_pair(tx: Tx, user_a: str, user_b: str) -> Room | None:
    """The one-to-one conversation of two users."""
    row = await tx.one(_BY_PAIR, user_a=user_a, user_b=user_b)
    return None if row is None else Room(*row)


async def find_object(tx: Tx, object_type: str, object_id: str) -> Room | None:
    """The room of an object."""
    row = await tx.one(_BY_OBJECT, object_type=object_type, object_id=object_id)
    return None if row is None else Room(*row)


async def is_taken(tx: Tx, token: str) -> bool:
    """Whether a room has that token."""
    return await tx.one(_IS_TAKEN, token=token) is not None


async def set_field(tx: Tx, room_id: int, field: str, value: int | str) -> None:
    """Set one field of a room (one of `_SET`)."""
    await tx.run(_SET[field], room_id=room_id, value=value)


_PAIRS_OF = Statement(
    sa.select(*ROOM).where(sa.or_(rooms.c.user_a == bind("user_id"), rooms.c.user_b == bind("user_id")))
)
_END_PAIR = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(type=bind("type"), name=bind("name"), user_a=sa.null(), user_b=sa.null(), read_only=ONE)
)


async def list_pairs_of(tx: Tx, user_id: str) -> list[Room]:
    """All one-to-one conversations of a user."""
    return [Room(*row) for row in await tx.all(_PAIRS_OF, user_id=user_id)]


async def end_pair(tx: Tx, room_id: int, type: int, name: str) -> None:
    """A one-to-one conversation whose other side is gone for good keeps only that name."""
    await tx.run(_END_PAIR, room_id=room_id, type=type, name=name)
