"""Setting what people may do: one of them, or everybody who has nothing of his own."""

from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant, is_self_joined, permissions_of
from talkd.conversation.permission import changed, require_permissions
from talkd.core import clock
from talkd.core.actor import GROUPS
from talkd.core.constants import ParticipantType, Permission
from talkd.core.errors import Forbidden, Invalid
from talkd.core.events import DefaultPermissionsSet, PermissionsSet
from talkd.storage.database import Tx


async def set_default(tx: Tx, me: Participant, bits: int) -> None:
    """Set what all members and guests may do; 0 for the server's default.

    That resets the permissions of single attendees. Raises Invalid with the reason.
    """
    if me.room.is_breakout_room:
        raise Invalid("breakout-room")
    if not me.room.is_shared:
        raise Invalid("type")
    permissions = require_permissions(bits, "value")
    if permissions == me.room.default_permissions:
        return
    await room_store.set_field(tx, me.room.id, "default_permissions", permissions)
    await attendee_store.reset_permissions(tx, me.room.id, clock.now())
    await tx.emit(DefaultPermissionsSet(me.room.id, me.actor, permissions))


async def set_of_attendee(tx: Tx, me: Participant, attendee_id: int, method: str, bits: int) -> Attendee:
    """Set, add or remove permissions of one attendee, who is returned as he is now.

    A user who had only followed the link becomes a member by being given permissions (recording
    `participants/self-joining-a-public-room`). Raises NotFound("participant"), Forbidden("moderator") or Invalid.
    """
    room = await room_store.lock_room(tx, me.room.id)
    attendee = await access.access_attendee(tx, me, attendee_id)
    if room.is_one_to_one:
        raise Invalid("room-type")
    permissions = changed(permissions_of(room, attendee), method, bits)
    if attendee.is_moderator:
        raise Forbidden("moderator")
    if attendee.actor_type == GROUPS:
        raise Invalid("type")
    becomes_member = is_self_joined(attendee) and permissions != Permission.DEFAULT
    if becomes_member:
        await attendee_store.set_attendee(tx, room.id, attendee.id, "type", ParticipantType.USER, clock.now())
    if permissions != attendee.permissions or becomes_member:
        await attendee_store.set_attendee(tx, room.id, attendee.id, "permissions", permissions, clock.now())
        await tx.emit(PermissionsSet(room.id, me.actor, attendee.id, permissions))
    return await access.access_attendee(tx, me, attendee_id)
