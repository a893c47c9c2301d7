"""Opening conversations to everybody with an account, and finding them."""

from talkd.areas.rooms import listing_store
from talkd.conversation import ban_store, room_store
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.core.actor import USERS
from talkd.core.constants import Listable, RoomType
from talkd.core.errors import Invalid, UnknownRoom
from talkd.core.events import ListableSet
from talkd.storage.database import Tx


async def set_listable(tx: Tx, me: Participant, scope: int) -> None:
    """Say who finds the room by searching. Raises Invalid with the reason."""
    if me.room.is_breakout_room:
        raise Invalid("breakout-room")
    if not me.room.is_shared:
        raise Invalid("type")
    if scope not in tuple(Listable):
        raise Invalid("value")
    if scope == me.room.listable:
        return
    await room_store.set_field(tx, me.room.id, "listable", scope)
    await tx.emit(ListableSet(me.room.id, me.actor, scope))


async def find_listed(tx: Tx, user_id: str, term: str) -> list[Room]:
    """The open rooms that the user is not in and whose name holds the term; all of them for an empty one."""
    return [room for room in await listing_store.list_listed(tx, user_id, term.strip()) if room.is_listed]


async def access_from_outside(
    tx: Tx, token: str, user_id: str | None, *, browser: str, address: str
) -> tuple[Room, bool]:
    """A room for somebody who is not in it, and whether it introduces itself to them as a listed room does.

    It does not to somebody who is banned, nor to visitors who must know a password first. Raises UnknownRoom for
    rooms that are neither public nor open to users.
    """
    room = await room_store.get_room(tx, token)
    if room is None or not (room.type == RoomType.PUBLIC or (room.is_listed and user_id is not None)):
        raise UnknownRoom
    if not room.is_listed or room.password_hash_for(user_id):
        return room, False
    if user_id is not None:
        return room, not await ban_store.is_banned(tx, room.id, USERS, user_id)
    return room, not await ban_store.is_visitor_banned(tx, room.id, browser=browser, address=address)
