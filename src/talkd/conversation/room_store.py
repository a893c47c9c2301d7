"""Statements about rooms."""

import msgspec
import sqlalchemy as sa

from talkd.conversation.room import NO_ATTRIBUTES, Attributes, Room
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape
from talkd.storage.schema import rooms
from talkd.storage.statements import ONE, ZERO, Statement, bind, one_of

ROOM = shape(Room, rooms)

_is_kept = rooms.c.deleted == ZERO
_room_by_token = sa.select(*ROOM).where(rooms.c.token == bind("token"), _is_kept)
_ROOM_BY_TOKEN = Query(_room_by_token, ROOM)
_ROOM_BY_TOKEN_LOCKED = Query(_room_by_token.with_for_update(), ROOM)
_ROOM_BY_ID = Query(sa.select(*ROOM).where(rooms.c.id == bind("room_id"), _is_kept), ROOM)
_LOCK_ROOMS = Statement(
    sa.select(rooms.c.id).where(one_of(rooms.c.id, "room_ids")).order_by(rooms.c.id).with_for_update()
)
LOCK_FREE_TOKENS = Statement(
    sa.select(rooms.c.token)
    .where(one_of(rooms.c.token, "queues"))
    .order_by(rooms.c.id)
    .with_for_update(skip_locked=True)
)
"""Lock those rooms that nobody else has locked, and return their tokens."""
_LOCK_ROOM = Query(sa.select(*ROOM).where(rooms.c.id == bind("room_id"), _is_kept).with_for_update(), ROOM)
_BY_PAIR = Query(sa.select(*ROOM).where(rooms.c.user_a == bind("user_a"), rooms.c.user_b == bind("user_b")), ROOM)
_BY_OBJECT = Query(
    sa.select(*ROOM).where(rooms.c.object_type == bind("object_type"), rooms.c.object_id == bind("object_id")), ROOM
)
_IS_TAKEN = Statement(sa.select(ONE).where(rooms.c.token == bind("token")))
_SET = {
    name: Statement(
        sa.update(rooms).where(rooms.c.id == bind("room_id")).values({name: bind("value", rooms.c[name].type)})
    )
    for name in Room.__struct_fields__
    if name not in ("id", "token")
}
_ADD = Query(
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
    .returning(*ROOM),
    ROOM,
)


async def get_room(tx: Tx, token: str, *, lock: bool = False) -> Room | None:
    """Return the room with this token, without checking who asks. `lock` locks it until the transaction ends."""
    return await tx.find(_ROOM_BY_TOKEN_LOCKED if lock else _ROOM_BY_TOKEN, token=token)


async def get_room_by_id(tx: Tx, room_id: int) -> Room | None:
    """Return the room with this id, or None if it was deleted."""
    return await tx.find(_ROOM_BY_ID, room_id=room_id)


async def lock_room(tx: Tx, room_id: int) -> Room:
    """Lock the room until the transaction ends and return it. Raises NotFound if it was just deleted.

    Transactions lock the room before its attendees and sessions.
    """
    room = await tx.find(_LOCK_ROOM, room_id=room_id)
    if room is None:
        raise NotFound
    return room


async def lock_rooms(tx: Tx, room_ids: list[int]) -> None:
    """Lock the rooms until the transaction ends, so that no message is added to them."""
    await tx.lock(_LOCK_ROOMS, room_ids=tx.many(room_ids))


async def find_pair(tx: Tx, user_a: str, user_b: str) -> Room | None:
    """Return the one-to-one room of two users, or None. Pass the users in the order of `room.pair`."""
    return await tx.find(_BY_PAIR, user_a=user_a, user_b=user_b)


async def find_object(tx: Tx, object_type: str, object_id: str) -> Room | None:
    """Return the room of an object, or None."""
    return await tx.find(_BY_OBJECT, object_type=object_type, object_id=object_id)


async def is_taken(tx: Tx, token: str) -> bool:
    """Return True if a room has this token."""
    return await tx.one(_IS_TAKEN, token=token) is not None


async def set_field(tx: Tx, room_id: int, field: str, value: int | str) -> None:
    """Set one field of a room, a key of `_SET`."""
    await tx.run(_SET[field], room_id=room_id, value=value)


_PAIRS_OF = Query(
    sa.select(*ROOM).where(sa.or_(rooms.c.user_a == bind("user_id"), rooms.c.user_b == bind("user_id"))), ROOM
)
_END_PAIR = Statement(
    sa.update(rooms)
    .where(rooms.c.id == bind("room_id"))
    .values(type=bind("type"), name=bind("name"), user_a=sa.null(), user_b=sa.null(), read_only=ONE)
)


async def list_pairs_of(tx: Tx, user_id: str) -> list[Room]:
    """Return all one-to-one rooms of a user."""
    return await tx.list(_PAIRS_OF, user_id=user_id)


async def end_pair(tx: Tx, room_id: int, type: int, name: str) -> None:
    """Turn a one-to-one room into a read-only room of another type, with a name and without the ids of two users."""
    await tx.run(_END_PAIR, room_id=room_id, type=type, name=name)


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
    """Store a new room and return it."""
    user_a, user_b = users or (None, None)
    return await tx.create(
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
