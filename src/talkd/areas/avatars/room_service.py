"""Showing, setting and removing the pictures of conversations."""

from talkd.areas.avatars import room_store as store
from talkd.areas.avatars.room_model import IMAGE, require_emoji, require_pictured
from talkd.conversation import access, ban_store, room_store
from talkd.conversation.room import Room
from talkd.core import clock, ids
from talkd.core.actor import USERS, Actor
from talkd.core.errors import NotFound
from talkd.core.events import AvatarSet
from talkd.storage.database import Tx


async def access_room(tx: Tx, token: str, *, user_id: str | None, browser: str) -> Room:
    """A room whose picture the caller may see: his own rooms, and for users those that they find by searching.

    Raises NotFound, the same for absent and not his.
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


async def find_image(tx: Tx, room_id: int) -> bytes:
    """The uploaded picture, as PNG of the large size. Raises NotFound."""
    image = await store.get_image(tx, room_id)
    if image is None:
        raise NotFound
    return image


async def set_emoji(tx: Tx, room: Room, actor: Actor, emoji: str, color: str | None) -> None:
    """An emoji on a colour as picture.

    Raises Invalid("avatar") for what is no emoji or colour, and in one-to-one conversations.
    """
    require_pictured(room)
    await store.set_avatar(tx, room.id, require_emoji(emoji, color), clock.now())
    await store.delete_image(tx, room.id)
    await tx.emit(AvatarSet(room.id, actor, True))


async def set_image(tx: Tx, room: Room, actor: Actor, image: bytes) -> None:
    """An uploaded picture, as `decoding.normalised` made it.

    Raises Invalid("avatar") in one-to-one conversations, and NotFound when the room has gone while it was made.
    """
    require_pictured(await room_store.lock_room(tx, room.id))
    await store.set_avatar(tx, room.id, IMAGE, clock.now())
    await store.set_image(tx, room.id, image)
    await tx.emit(AvatarSet(room.id, actor, True))


async def remove(tx: Tx, room: Room, actor: Actor) -> None:
    """Back to the picture of the kind of conversation."""
    if not room.avatar:
        return
    await store.set_avatar(tx, room.id, "", clock.now())
    await store.delete_image(tx, room.id)
    await tx.emit(AvatarSet(room.id, actor, False))
