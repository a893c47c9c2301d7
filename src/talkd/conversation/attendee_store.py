"""Statements about attendees."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room_store import ROOM
from talkd.core.actor import GROUPS, USERS
from talkd.core.constants import ParticipantType, Permission
from talkd.storage.database import Tx
from talkd.storage.queries import Query, combined, optional, shape, shape_of
from talkd.storage.schema import Int, attendees, rooms, sessions, users
from talkd.storage.statements import (
    EMPTY,
    ONE,
    ZERO,
    Statement,
    bind,
    by_value,
    number,
    one_of,
    word,
)


class UserCount(NamedTuple):
    """The number of users in a room, and of the moderators among them."""

    users: int
    moderators: int


ATTENDEE = shape(Attendee, attendees)
SESSION = shape(Session, sessions)
MEMBER = combined(Participant, ROOM, ATTENDEE)
"""A participant without session."""
PARTICIPANT = combined(Participant, ROOM, ATTENDEE, optional(SESSION))

_partner = users.alias("partner")
PARTNER_NAME = sa.func.coalesce(_partner.c.display_name, EMPTY)
"""The display name of the other user of a one-to-one room, or ""."""
_mine = sessions.alias("mine")
own_session = sessions.c.id == (
    sa.select(_mine.c.id)
    .where(
        _mine.c.room_id == attendees.c.room_id,
        _mine.c.attendee_id == attendees.c.id,
        sa.or_(bind("browser", sa.Text) == EMPTY, _mine.c.browser == bind("browser", sa.Text)),
    )
    .order_by(_mine.c.id.desc())
    .limit(ONE)
    .correlate(attendees)
    .scalar_subquery()
)
"""Join condition for the session of the calling device. Clients without cookies get the attendee's newest session."""


def with_partner(source: sa.FromClause) -> sa.FromClause:
    """Join PARTNER_NAME to a join of `attendees` and `rooms`."""
    partner_id = sa.case((rooms.c.user_a == attendees.c.actor_id, rooms.c.user_b), else_=rooms.c.user_a)
    return source.outerjoin(_partner, sa.and_(rooms.c.user_a.is_not(None), _partner.c.id == partner_id))


_user = (
    sa.select(*PARTICIPANT)
    .select_from(rooms)
    .join(attendees, attendees.c.room_id == rooms.c.id)
    .join(users, users.c.id == attendees.c.actor_id)
    .outerjoin(sessions, sa.and_(sessions.c.room_id == rooms.c.id, own_session))
    .where(
        rooms.c.token == bind("token"),
        attendees.c.actor_type == word(USERS),
        attendees.c.actor_id == bind("user_id"),
        users.c.enabled == ONE,
    )
)
_guest = (
    sa.select(*PARTICIPANT)
    .select_from(rooms)
    .join(sessions, sa.and_(sessions.c.room_id == rooms.c.id, sessions.c.browser == bind("browser")))
    .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
    .where(rooms.c.token == bind("token"), attendees.c.actor_type != word(USERS))
)
# PostgreSQL locks in this order. After waiting for a lock it returns the newest version of the row.
_USER = Query(_user, PARTICIPANT, together=True)
_USER_LOCKED = Query(_user.with_for_update(of=[rooms, attendees]), PARTICIPANT, together=True)
_GUEST = Query(_guest, PARTICIPANT)
_GUEST_LOCKED = Query(_guest.with_for_update(of=[rooms, attendees, sessions]), PARTICIPANT)
_companion = attendees.alias("companion")
_GUESTS_WITH = Query(
    sa.select(*PARTICIPANT)
    .select_from(sessions)
    .join(rooms, rooms.c.id == sessions.c.room_id)
    .join(attendees, sa.and_(attendees.c.room_id == sessions.c.room_id, attendees.c.id == sessions.c.attendee_id))
    .join(_companion, _companion.c.room_id == sessions.c.room_id)
    .where(
        sessions.c.browser == bind("browser"),
        attendees.c.actor_type != word(USERS),
        _companion.c.actor_type == word(USERS),
        _companion.c.actor_id == bind("user_id"),
    ),
    PARTICIPANT,
)
_BY_ID = Query(
    sa.select(*ATTENDEE).where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id")), ATTENDEE
)
_BY_ACTOR = Query(
    sa.select(*ATTENDEE).where(
        attendees.c.room_id == bind("room_id"),
        attendees.c.actor_type == bind("actor_type"),
        attendees.c.actor_id == bind("actor_id"),
    ),
    ATTENDEE,
)
_BY_TEXT = {
    field: Query(
        sa.select(*ATTENDEE)
        .where(attendees.c.room_id == bind("room_id"), attendees.c[field] == bind("text"))
        .order_by(attendees.c.id)
        .limit(ONE),
        ATTENDEE,
    )
    for field in ("pin", "phone_number", "call_id")
}
_ALL = Query(sa.select(*ATTENDEE).where(attendees.c.room_id == bind("room_id")).order_by(attendees.c.id), ATTENDEE)
_NEW = (
    "room_id",
    "actor_type",
    "actor_id",
    "display_name",
    "type",
    "favorite",
    "last_read",
    "access_token",
    "invited_address",
    "phone_number",
    "pin",
    "modified_at",
)
_is_user = bind("actor_type", sa.Text) == word(USERS)
_account = users.c.id == bind("actor_id", sa.Text)
# On PostgreSQL this waits for a transaction that deletes the account, and such a transaction waits for this one.
_has_account = sa.exists(sa.select(users.c.id).where(_account).with_for_update(read=True, key_share=True))
_ADD = Statement(
    sa.insert(attendees)
    .from_select(
        (*_NEW, "read_privacy"),
        sa.select(
            *(bind(name, attendees.c[name].type) for name in _NEW),
            sa.func.coalesce(sa.select(users.c.read_privacy).where(_account, _is_user).scalar_subquery(), ZERO),
        ).where(sa.or_(~_is_user, _has_account)),
    )
    .returning(attendees.c.id)
)
_DELETE = Statement(
    sa.delete(attendees).where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id"))
)
MODERATES = attendees.c.type.in_((number(ParticipantType.OWNER), number(ParticipantType.MODERATOR)))
"""True if the attendee, a user, moderates the room."""
_permissions = sa.func.coalesce(
    *(
        sa.func.nullif(column, ZERO)
        for column in (attendees.c.permissions, rooms.c.call_permissions, rooms.c.default_permissions)
    ),
    ZERO,
)
CAN_PASS_LOBBY = sa.or_(
    rooms.c.lobby_state == ZERO,
    sa.and_(rooms.c.lobby_timer > ZERO, rooms.c.lobby_timer <= bind("now", Int)),
    MODERATES,
    _permissions.op("&")(number(Permission.LOBBY_IGNORE)) != ZERO,
)
"""True if the attendee, a user, can pass the lobby: `Participant.can_pass_lobby` in SQL."""
_COUNTED = shape_of(
    UserCount, sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((MODERATES, ONE), else_=ZERO)), ZERO)
)
_COUNT_USERS = Query(
    sa.select(*_COUNTED).where(
        attendees.c.room_id == bind("room_id"),
        attendees.c.actor_type == word(USERS),
        attendees.c.type != number(ParticipantType.USER_SELF_JOINED),
    ),
    _COUNTED,
)
_GROUPS = Statement(
    sa.select(attendees.c.actor_id).where(
        attendees.c.room_id == bind("room_id"), attendees.c.actor_type == word(GROUPS)
    )
)
_COUNT = Statement(sa.select(sa.func.count()).select_from(attendees).where(attendees.c.room_id == bind("room_id")))
_BY_ACTORS = Query(
    sa.select(*ATTENDEE)
    .where(
        attendees.c.room_id == bind("room_id"),
        attendees.c.actor_type == bind("actor_type"),
        one_of(attendees.c.actor_id, "actor_ids"),
    )
    .order_by(by_value(attendees.c.id)),
    ATTENDEE,
)


async def find_user(tx: Tx, token: str, user_id: str, browser: str, *, lock: bool = False) -> Participant | None:
    """Return a user as a participant of a room, with the session of the browser, or None.

    `lock` locks room and attendee, but not the session.
    """
    return await tx.find(_USER_LOCKED if lock else _USER, token=token, user_id=user_id, browser=browser)


async def find_guest(tx: Tx, token: str, browser: str, *, lock: bool = False) -> Participant | None:
    """Return the guest who joined the room in this browser, or None. `lock` locks room, attendee and session."""
    return await tx.find(_GUEST_LOCKED if lock else _GUEST, token=token, browser=browser)


async def list_guests_with(tx: Tx, browser: str, user_id: str) -> list[Participant]:
    """Return the guests who joined from a browser, in the rooms in which this user is an attendee."""
    return await tx.list(_GUESTS_WITH, browser=browser, user_id=user_id)


async def get_attendee(tx: Tx, room_id: int, attendee_id: int) -> Attendee | None:
    """Return an attendee of the room by id, or None."""
    return await tx.find(_BY_ID, room_id=room_id, attendee_id=attendee_id)


async def find_attendee(tx: Tx, room_id: int, actor_type: str, actor_id: str) -> Attendee | None:
    """Return an attendee of the room by actor, or None."""
    return await tx.find(_BY_ACTOR, room_id=room_id, actor_type=actor_type, actor_id=actor_id)


async def find_by_text(tx: Tx, room_id: int, field: str, text: str) -> Attendee | None:
    """Return an attendee of the room whose `field`, a key of `_BY_TEXT`, is this text, which is not empty."""
    if not text:
        return None
    return await tx.find(_BY_TEXT[field], room_id=room_id, text=text)


async def find_attendees(tx: Tx, room_id: int, actor_type: str, actor_ids: list[str]) -> list[Attendee]:
    """Return the attendees of the room among the actors, in the order in which they were added."""
    return await tx.list(_BY_ACTORS, room_id=room_id, actor_type=actor_type, actor_ids=tx.many(actor_ids))


async def list_attendees(tx: Tx, room_id: int) -> list[Attendee]:
    """Return all attendees of the room, in the order in which they were added."""
    return await tx.list(_ALL, room_id=room_id)


async def add_attendee(
    tx: Tx,
    *,
    room_id: int,
    actor_type: str,
    actor_id: str,
    display_name: str,
    type: int,
    last_read: int,
    now: int,
    favorite: int = 0,
    access_token: str = "",
    invited_address: str = "",
    phone_number: str = "",
    pin: str = "",
) -> int | None:
    """Store a new attendee. Return the id, or None for a user whose account was deleted."""
    attendee_id: int | None = await tx.value(
        _ADD,
        room_id=room_id,
        actor_type=actor_type,
        actor_id=actor_id,
        display_name=display_name,
        type=type,
        favorite=favorite,
        last_read=last_read,
        access_token=access_token,
        invited_address=invited_address,
        phone_number=phone_number,
        pin=pin,
        modified_at=now,
    )
    return attendee_id


async def delete_attendee(tx: Tx, room_id: int, attendee_id: int) -> bool:
    """Delete an attendee with their sessions. Return True if they existed."""
    return await tx.run(_DELETE, room_id=room_id, attendee_id=attendee_id) > 0


async def count_users(tx: Tx, room_id: int) -> UserCount:
    """Count the users, and the moderators among them. Self-joined users are not counted."""
    counted = await tx.find(_COUNT_USERS, room_id=room_id)
    assert counted is not None, "a count always has a row"
    return counted


async def count_attendees(tx: Tx, room_id: int) -> int:
    """Return the number of attendees of all kinds."""
    return int(await tx.value(_COUNT, room_id=room_id))


async def list_groups(tx: Tx, room_id: int) -> list[str]:
    """Return the ids of the groups in the room."""
    return await tx.values(_GROUPS, room_id=room_id)


_SETTABLE = {
    name: Statement(
        sa.update(attendees)
        .where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id"))
        .values({name: bind("value", attendees.c[name].type), "modified_at": bind("now")})
    )
    for name in (
        "type",
        "favorite",
        "notification_level",
        "notification_calls",
        "archived",
        "important",
        "sensitive",
        "permissions",
        "display_name",
        "pin",
        "call_id",
    )
}


_SET_ROLE = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("room_id"), attendees.c.id == bind("attendee_id"))
    .values(type=bind("role"), permissions=ZERO, modified_at=bind("now"))
)
_RESET_PERMISSIONS = Statement(
    sa.update(attendees)
    .where(attendees.c.room_id == bind("in_room"), attendees.c.permissions != ZERO)
    .values(permissions=ZERO, modified_at=bind("now"))
)


async def set_role(tx: Tx, room_id: int, attendee_id: int, role: int, now: int) -> None:
    """Change the role of an attendee and reset their own permissions, which were given to the old role."""
    await tx.run(_SET_ROLE, room_id=room_id, attendee_id=attendee_id, role=role, now=now)


async def reset_permissions(tx: Tx, room_id: int, now: int) -> None:
    """Reset the own permissions of all attendees of a room, so that they have its default permissions."""
    await tx.run(_RESET_PERMISSIONS, in_room=room_id, now=now)


async def set_attendee(tx: Tx, room_id: int, attendee_id: int, field: str, value: int | str, now: int) -> None:
    """Set one field of an attendee, a key of `_SETTABLE`."""
    await tx.run(_SETTABLE[field], room_id=room_id, attendee_id=attendee_id, value=value, now=now)


_RENAME = Statement(
    sa.update(attendees)
    .where(attendees.c.actor_type == bind("actor_type"), attendees.c.actor_id == bind("actor_id"))
    .values(display_name=bind("name"), modified_at=bind("now"))
)
_OF_USER = Query(
    sa.select(*ATTENDEE)
    .where(attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"))
    .order_by(attendees.c.room_id),
    ATTENDEE,
)
_OF_GROUP = Query(
    sa.select(*ATTENDEE)
    .where(attendees.c.actor_type == word(GROUPS), attendees.c.actor_id == bind("group_id"))
    .order_by(attendees.c.room_id),
    ATTENDEE,
)


async def rename_actor(tx: Tx, actor_type: str, actor_id: str, name: str, now: int) -> None:
    """Change the display name of a user or group in all rooms."""
    await tx.run(_RENAME, actor_type=actor_type, actor_id=actor_id, name=name, now=now)


async def list_of_user(tx: Tx, user_id: str) -> list[Attendee]:
    """Return a user's attendees: one for each of their rooms."""
    return await tx.list(_OF_USER, user_id=user_id)


async def list_of_group(tx: Tx, group_id: str) -> list[Attendee]:
    """Return a group's attendees: one for each of its rooms."""
    return await tx.list(_OF_GROUP, group_id=group_id)


_ONLINE = Statement(
    sa.select(attendees.c.actor_id)
    .distinct()
    .join(sessions, sa.and_(sessions.c.room_id == attendees.c.room_id, sessions.c.attendee_id == attendees.c.id))
    .where(
        attendees.c.actor_type == word(USERS),
        one_of(attendees.c.actor_id, "user_ids"),
        sessions.c.last_ping >= bind("since"),
    )
)


async def list_online(tx: Tx, user_ids: list[str], since: int) -> set[str]:
    """Return the users among `user_ids` who have a session with a ping since `since`."""
    return set(await tx.values(_ONLINE, user_ids=tx.many(user_ids), since=since))
