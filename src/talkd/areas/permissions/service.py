"""Set the permissions of one attendee, or the default permissions of a room."""

from talkd.areas.participants import attendee_service as attendees
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import (
    AttendeeList,
    Participant,
    change_permissions,
    permissions_of,
    require_permissions,
)
from talkd.core import clock
from talkd.core.actor import GROUPS
from talkd.core.constants import ParticipantType, Permission
from talkd.core.errors import Forbidden, Invalid
from talkd.core.events import DefaultPermissionsSet, PermissionsSet
from talkd.storage.database import Tx


async def set_default(tx: Tx, me: Participant, bits: int) -> None:
    """Set the default permissions of a room. 0 means the default of the server.

    All attendees lose their own permissions. Raises Invalid with the reason.
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


async def set_of_attendee(tx: Tx, me: Participant, attendee_id: int, method: str, bits: int) -> AttendeeList:
    """Set, add or remove permissions of one attendee. Return the attendee, without sessions.

    A self-joined user who is given permissions becomes a member, as on the real server (docs/api/compatibility.md).
    Raises NotFound("participant"), Forbidden("moderator"), or Invalid with the reason.
    """
    room = await room_store.lock_room(tx, me.room.id)
    attendee = await access.access_attendee(tx, me, attendee_id)
    if room.is_one_to_one:
        raise Invalid("room-type")
    permissions = change_permissions(permissions_of(room, attendee), method, bits)
    if attendee.is_moderator:
        raise Forbidden("moderator")
    if attendee.actor_type == GROUPS:
        raise Invalid("type")
    becomes_member = attendee.is_self_joined and permissions != Permission.DEFAULT
    if becomes_member:
        await attendee_store.set_attendee(tx, room.id, attendee.id, "type", ParticipantType.USER, clock.now())
    if permissions != attendee.permissions or becomes_member:
        await attendee_store.set_attendee(tx, room.id, attendee.id, "permissions", permissions, clock.now())
        await tx.emit(PermissionsSet(room.id, me.actor, attendee.id, permissions))
    attendee = await access.access_attendee(tx, me, attendee_id)
    return AttendeeList([(me.room, [attendee], [])], await attendees.list_online(tx, [attendee.actor_id]))
