"""Statements about bans."""

import msgspec
import sqlalchemy as sa

from talkd.conversation.ban import IP, Ban, is_banned_address
from talkd.core import names
from talkd.core.actor import DELETED_USERS, EMAILS, GUESTS, USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, single
from talkd.storage.schema import bans, sessions
from talkd.storage.statements import EMPTY, Statement, bind, folded, insert, word

_BAN = shape(Ban, bans)
_in_room = bans.c.room_id == bind("room_id")
_NAMES = tuple(name for name in Ban.__struct_fields__ if name != "id")
_ADD = Statement(
    insert(bans)
    .values({name: bind(name) for name in _NAMES})
    .on_conflict_do_nothing(index_elements=["room_id", "actor_type", "actor_id"])
)
_ALL = Query(sa.select(*_BAN).where(_in_room).order_by(bans.c.id), _BAN)
_BY_ACTOR = Query(
    sa.select(*_BAN).where(
        _in_room, bans.c.actor_type == bind("actor_type"), folded(bans.c.actor_id) == bind("actor_id", sa.Text)
    ),
    _BAN,
)
_DELETE = Statement(sa.delete(bans).where(_in_room, bans.c.id == bind("ban_id")))
_OF_GUESTS = Query(
    sa.select(*_BAN).where(_in_room, bans.c.actor_type.in_((word(IP), word(GUESTS), word(EMAILS)))), _BAN
)
_PRESENT_ADDRESSES = Query(
    sa.select(sessions.c.attendee_id, sessions.c.address).where(
        sessions.c.room_id == bind("room_id"), sessions.c.address != EMPTY
    ),
    single(sessions.c.attendee_id),
    single(sessions.c.address),
)
_is_of_user = sa.and_(bans.c.actor_type == word(USERS), folded(bans.c.actor_id) == bind("user_id", sa.Text))
_is_by_user = sa.and_(bans.c.moderator_type == word(USERS), bans.c.moderator_id == bind("user_id"))
_deleted_user = word(DELETED_USERS)
_RENAME_BANNED = Statement(sa.update(bans).where(_is_of_user).values(display_name=bind("name")))
_RENAME_MODERATOR = Statement(sa.update(bans).where(_is_by_user).values(moderator_name=bind("name")))
_FORGET_BANNED = Statement(sa.delete(bans).where(_is_of_user))
_FORGET_MODERATOR = Statement(
    sa.update(bans)
    .where(_is_by_user)
    .values(moderator_type=_deleted_user, moderator_id=_deleted_user, moderator_name=EMPTY)
)


async def add_ban(tx: Tx, **values: int | str) -> None:
    """Store a ban, unless the same actor is already banned."""
    await tx.run(_ADD, **values)


async def list_bans(tx: Tx, room_id: int) -> list[Ban]:
    """Return the bans of a room, oldest first."""
    return await tx.list(_ALL, room_id=room_id)


async def find_ban(tx: Tx, room_id: int, actor_type: str, actor_id: str) -> Ban | None:
    """Return the ban of an actor, an address or a network, or None. The case of a user id is ignored."""
    return await tx.find(_BY_ACTOR, room_id=room_id, actor_type=actor_type, actor_id=names.folded(actor_id))


async def is_banned(tx: Tx, room_id: int, actor_type: str, actor_id: str) -> bool:
    """Return True if the actor is banned."""
    return await find_ban(tx, room_id, actor_type, actor_id) is not None


async def is_guest_banned(tx: Tx, room_id: int, *, browser: str, address: str) -> bool:
    """Return True if a guest may not join: their IP address is banned, or a banned guest used the same browser."""
    for ban in await tx.list(_OF_GUESTS, room_id=room_id):
        if ban.actor_type == IP and is_banned_address(address, ban.actor_id):
            return True
        if browser and ban.browsers and browser in msgspec.json.decode(ban.browsers, type=list[str]):
            return True
    return False


async def delete_ban(tx: Tx, room_id: int, ban_id: int) -> None:
    """Delete a ban of the room, if it exists."""
    await tx.run(_DELETE, room_id=room_id, ban_id=ban_id)


async def list_inside(tx: Tx, room_id: int, banned: str) -> set[int]:
    """Return the attendee ids of the guests with a session in the room from the banned address or network."""
    present = await tx.list(_PRESENT_ADDRESSES, room_id=room_id)
    return {attendee_id for attendee_id, address in present if is_banned_address(address, banned)}


async def rename_user(tx: Tx, user_id: str, name: str) -> None:
    """Change the name of a user in their bans and in the bans that they created."""
    await tx.run(_RENAME_BANNED, user_id=names.folded(user_id), name=name)
    await tx.run(_RENAME_MODERATOR, user_id=user_id, name=name)


async def forget_user(tx: Tx, user_id: str) -> None:
    """Delete the bans of a deleted account, and remove its id and name from the bans that it created."""
    await tx.run(_FORGET_BANNED, user_id=names.folded(user_id))
    await tx.run(_FORGET_MODERATOR, user_id=user_id)
