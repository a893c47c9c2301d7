"""Reading, setting and removing the pictures of rooms."""

from talkd.areas.avatars import picture_service as pictures
from talkd.areas.avatars import room_store as store
from talkd.areas.avatars.model import Owner, Uploaded
from talkd.areas.avatars.room_model import IMAGE, require_emoji, require_pictured
from talkd.areas.files.model import Limits, Received
from talkd.conversation import access, ban_store, room_store
from talkd.conversation.room import Room
from talkd.core import clock, ids
from talkd.core.actor import USERS, Actor
from talkd.core.errors import NotFound
from talkd.core.events import AvatarSet
from talkd.storage.database import Tx


async def access_room(tx: Tx, token: str, *, user_id: str | None, browser: str) -> Room:
    """Return a room whose picture the caller may see: a room they are in or, for users, one they find by searching.

    Raises the same NotFound if there is no such room and if they may not see it.
    """
    try:
        return (await access.access_participant(tx, token, user_id=user_id, browser=browser)).room
    except NotFound:
        room = await room_store.get_room(tx, token) if ids.TOKEN_FORM.fullmatch(token) else None
        if (
            room is None
            or user_id is None
            or not room.is_listed
            or await ban_store.is_banned(tx, room.id, USERS, user_id)
        ):
            raise
        return room


async def get_uploaded(tx: Tx, room_id: int) -> Uploaded:
    """Return the uploaded picture of a room, a PNG of the large size. Raises NotFound."""
    return await pictures.get_uploaded(tx, Owner.ROOM, room_id)


async def set_emoji(tx: Tx, room: Room, actor: Actor, emoji: str, color: str | None) -> None:
    """Set an emoji on a colour as the picture of a room.

    Raises Invalid("avatar") if it is not an emoji or not a colour, and in one-to-one rooms.
    """
    require_pictured(room)
    await store.set_avatar(tx, room.id, require_emoji(emoji, color), clock.now())
    await pictures.remove_uploaded(tx, Owner.ROOM, room.id)
    await tx.emit(AvatarSet(room.id, actor, True))


async def set_uploaded(tx: Tx, room: Room, actor: Actor, received: Received, limits: Limits) -> bool:
    """Make a received PNG of the large size the picture of a room. Return whether the contents are needed.

    Raises Invalid("avatar") in one-to-one rooms, NoSpace, and NotFound if the room was deleted in the meantime.
    """
    require_pictured(await room_store.lock_room(tx, room.id))
    await store.set_avatar(tx, room.id, IMAGE, clock.now())
    is_kept = await pictures.set_uploaded(tx, Owner.ROOM, room.id, received, limits)
    await tx.emit(AvatarSet(room.id, actor, True))
    return is_kept


async def remove(tx: Tx, room: Room, actor: Actor) -> None:
    """Remove the picture of a room, if it has one."""
    if not room.avatar:
        return
    await store.set_avatar(tx, room.id, "", clock.now())
    await pictures.remove_uploaded(tx, Owner.ROOM, room.id)
    await tx.emit(AvatarSet(room.id, actor, False))
