"""Conversations: showing them, changing their settings, deleting them."""

from talkd.areas.participants import service as participants
from talkd.areas.removal import room_service as removal
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room, require_description, require_name
from talkd.core.actor import Actor
from talkd.core.constants import ParticipantType, ReadOnly, RoomType
from talkd.core.errors import NULL, Forbidden, Invalid
from talkd.core.events import (
    DescriptionSet,
    GuestsAllowed,
    GuestsDisallowed,
    PasswordSet,
    ReadOnlySet,
    RoomDeleted,
    RoomRenamed,
)
from talkd.storage.database import Tx


# --- settings -------------------------------------------------------------------------------
async def rename(tx: Tx, me: Participant, name: str) -> None:
    """Give the room another name. Raises Invalid with the reason."""
    name = require_name(name, "value")
    if me.room.is_one_to_one:
        raise Invalid("type")
    if me.room.object_type == "event":
        raise Invalid("event")
    if name == me.room.name:
        return
    await room_store.set_field(tx, me.room.id, "name", name)
    await tx.emit(RoomRenamed(me.room.id, me.actor, me.room.name, name))


async def set_description(tx: Tx, me: Participant, description: str) -> None:
    """Say what the room is for. Raises Invalid with the reason."""
    description = require_description(description, "value")
    if me.room.is_one_to_one:
        raise Invalid("type")
    if me.room.object_type == "event":
        raise Invalid("event")
    if description == me.room.description:
        return
    await room_store.set_field(tx, me.room.id, "description", description)
    await tx.emit(DescriptionSet(me.room.id, me.actor, description))


async def allow_guests(tx: Tx, room: Room, actor: Actor) -> None:
    """Open the room to everybody who has the link; not what is divided. Raises Invalid with the reason."""
    if room.is_breakout_room or room.is_divided:
        raise Invalid("breakout-room")
    if room.type == RoomType.PUBLIC:
        return
    if room.type != RoomType.GROUP:
        raise Invalid("type")
    await room_store.set_field(tx, room.id, "type", RoomType.PUBLIC)
    await tx.emit(GuestsAllowed(room.id, actor))


async def disallow_guests(tx: Tx, room: Room, actor: Actor) -> None:
    """Members only: whoever came by the link has to go. Raises Invalid("type")."""
    if room.type == RoomType.GROUP:
        return
    if room.type != RoomType.PUBLIC:
        raise Invalid("type")
    await room_store.set_field(tx, room.id, "type", RoomType.GROUP)
    if room.password_hash:
        await room_store.set_field(tx, room.id, "password_hash", "")
    for attendee in await attendee_store.list_attendees(tx, room.id):
        if attendee.is_guest or attendee.type == ParticipantType.USER_SELF_JOINED:
            await participants.remove(tx, room, actor, attendee, quiet=True)
    await tx.emit(GuestsDisallowed(room.id, actor))


async def set_password(tx: Tx, me: Participant, password_hash: str) -> None:
    """Ask for a password at the door, or no longer (empty). Raises Invalid("type")."""
    if me.room.type != RoomType.PUBLIC:
        raise Invalid("type")
    if not password_hash and not me.room.password_hash:
        return
    await room_store.set_field(tx, me.room.id, "password_hash", password_hash)
    await tx.emit(PasswordSet(me.room.id, me.actor, bool(password_hash)))


async def set_read_only(tx: Tx, me: Participant, state: int) -> None:
    """Lock or unlock the room. Raises Invalid with the reason."""
    if not me.room.is_shared:
        raise Invalid("type")
    if state not in (ReadOnly.READ_WRITE, ReadOnly.READ_ONLY):
        raise Invalid("value")
    if state == me.room.read_only:
        return
    await room_store.set_field(tx, me.room.id, "read_only", state)
    await tx.emit(ReadOnlySet(me.room.id, me.actor, state == ReadOnly.READ_ONLY))


async def delete(tx: Tx, me: Participant, *, one_to_one_too: bool) -> None:
    """Delete the room for everybody.

    Raises Forbidden for guests who moderate, and Invalid for one-to-one conversations unless they may be.
    """
    if me.is_guest:
        raise Forbidden
    if me.room.is_one_to_one and not one_to_one_too:
        raise Invalid("type", data=NULL)
    await remove(tx, me.room, me.actor)


async def leave(tx: Tx, me: Participant, *, deletes_one_to_one: bool, may_abandon: bool = False) -> None:
    """Leave for good. Raises Invalid("last-moderator"), unless the caller `may_abandon` the room.

    The room is deleted with its last member. With `deletes_one_to_one` a one-to-one is deleted for both users.
    """
    if (deletes_one_to_one and me.room.is_one_to_one) or await participants.leave(tx, me, may_abandon=may_abandon):
        await remove(tx, me.room, me.actor)


async def remove_attendee(tx: Tx, me: Participant, attendee_id: int) -> Attendee:
    """Remove an attendee and return them. A user who removes themselves leaves. The members of a group stay.

    Raises NotFound, Forbidden("owner") or Invalid.
    """
    attendee = await access.access_attendee(tx, me, attendee_id)
    if me.room.is_one_to_one:
        raise Invalid("room-type")
    if attendee.id == me.attendee.id and not me.is_guest:
        await leave(tx, me, deletes_one_to_one=False)
    else:
        await participants.remove_other(tx, me, attendee)
    return attendee


async def remove_user(tx: Tx, room: Room, actor: Actor, attendee: Attendee) -> None:
    """Remove a user from the room. The room is deleted with its last member."""
    if await participants.is_last_member(tx, attendee):
        await remove(tx, room, actor)
    else:
        await participants.remove(tx, room, actor, attendee)


async def remove(tx: Tx, room: Room, actor: Actor) -> None:
    """The room and all in it are gone."""
    attendee_ids, session_ids = await removal.delete_room(tx, room.id)
    await tx.emit(RoomDeleted(room.id, actor, attendee_ids, session_ids, room.token))
