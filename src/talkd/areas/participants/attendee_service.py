"""List the attendees of rooms, find one, and change one: their role, preferences and name."""

from collections.abc import Sequence

from talkd.areas.users import service as users
from talkd.conversation import access, attendee_store, session_store
from talkd.conversation.participant import Attendee, AttendeeList, Participant
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import EMAILS, GUESTS, USERS, Actor
from talkd.core.constants import MODERATOR_TYPES, SESSION_KILL, NotificationLevel, ParticipantType
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound
from talkd.core.events import GuestRenamed, ModeratorDemoted, ModeratorPromoted
from talkd.core.names import cleaned
from talkd.storage.database import Tx

MAX_WITH_STATUS = 100
"""Rooms with this many attendees or more are listed without statuses."""
MAX_GUEST_NAME_LENGTH = 64

_LEVELS = (NotificationLevel.ALWAYS, NotificationLevel.MENTION, NotificationLevel.NEVER)
_PROMOTED = {
    ParticipantType.USER: ParticipantType.MODERATOR,
    ParticipantType.USER_SELF_JOINED: ParticipantType.MODERATOR,
    ParticipantType.GUEST: ParticipantType.GUEST_MODERATOR,
}


# --- listing and finding --------------------------------------------------------------------
def require_may_list(me: Participant) -> None:
    """Raises Forbidden for guests who are not moderators."""
    if me.attendee.type == ParticipantType.GUEST:
        raise Forbidden(data=NULL)


async def list_with_sessions(tx: Tx, me: Participant, rooms: Sequence[Room], *, with_status: bool) -> AttendeeList:
    """Return the attendees of the rooms with their sessions. Raises Forbidden if the caller may not list them.

    `with_status` adds which users of the first room are online, unless it has MAX_WITH_STATUS attendees or more.
    """
    require_may_list(me)
    attendees = [await attendee_store.list_attendees(tx, room.id) for room in rooms]
    sessions = [await session_store.list_sessions(tx, room.id) for room in rooms]
    online = None
    if with_status and len(attendees[0]) < MAX_WITH_STATUS:
        online = await list_online(tx, [attendee.actor_id for attendee in attendees[0]])
    return AttendeeList(list(zip(rooms, attendees, sessions, strict=True)), online)


async def list_online(tx: Tx, user_ids: list[str]) -> set[str]:
    """Return which of the users have a room open on any device."""
    return await attendee_store.list_online(tx, user_ids, clock.steady() - SESSION_KILL) if user_ids else set()


async def access_user(tx: Tx, me: Participant, user_id: str) -> Attendee:
    """Return the user in the caller's room, by their id in any case. Raises NotFound("participant")."""
    attendee = await attendee_store.find_attendee(tx, me.room.id, USERS, await users.resolve_id(tx, user_id))
    if attendee is None:
        raise NotFound("participant")
    return attendee


async def access_joined(tx: Tx, me: Participant, session_id: str) -> Attendee:
    """Return the attendee who has that session in the caller's room. Raises NotFound("participant")."""
    found = await session_store.find_session(tx, session_id)
    if found is None or found[1].room_id != me.room.id:
        raise NotFound("participant")
    return found[1]


# --- roles ----------------------------------------------------------------------------------
async def promote(tx: Tx, me: Participant, attendee_id: int) -> None:
    """Make an attendee a moderator.

    Raises NotFound, Forbidden for the caller themselves, and Invalid for moderators and for attendees that are not
    people, such as groups.
    """
    attendee = await _access_for_role(tx, me, attendee_id)
    if attendee.actor_type not in (USERS, GUESTS, EMAILS) or attendee.type in MODERATOR_TYPES:
        raise Invalid(data=NULL)
    await set_moderator(tx, me.room, me.actor, attendee)


async def set_moderator(tx: Tx, room: Room, actor: Actor, attendee: Attendee) -> None:
    """Make a user or guest a moderator. Does not check what the actor may do."""
    await attendee_store.set_role(tx, room.id, attendee.id, _PROMOTED[ParticipantType(attendee.type)], clock.now())
    await tx.emit(ModeratorPromoted(room.id, actor, attendee.id, attendee.actor))


async def demote(tx: Tx, me: Participant, attendee_id: int) -> None:
    """Make a moderator a normal attendee.

    Raises NotFound, Forbidden for the caller themselves, and Invalid for owners and for attendees who are not
    moderators.
    """
    attendee = await _access_for_role(tx, me, attendee_id)
    if attendee.type not in (ParticipantType.MODERATOR, ParticipantType.GUEST_MODERATOR):
        raise Invalid(data=NULL)
    await set_user(tx, me.room, me.actor, attendee)


async def set_user(tx: Tx, room: Room, actor: Actor, attendee: Attendee) -> None:
    """Make an owner or moderator a user, and a guest moderator a guest. Does not check what the actor may do."""
    demoted = ParticipantType.GUEST if attendee.is_guest else ParticipantType.USER
    await attendee_store.set_role(tx, room.id, attendee.id, demoted, clock.now())
    await tx.emit(ModeratorDemoted(room.id, actor, attendee.id, attendee.actor))


async def _access_for_role(tx: Tx, me: Participant, attendee_id: int) -> Attendee:
    attendee = await access.access_attendee(tx, me, attendee_id, data=NULL)
    if attendee.id == me.attendee.id:
        raise Forbidden(data=NULL)
    return attendee


# --- preferences, which nobody else sees ----------------------------------------------------
async def set_flag(tx: Tx, me: Participant, field: str, is_set: bool) -> None:
    """Set or clear one of the caller's flags of the room: favorite, archived, important or sensitive."""
    await _set(tx, me, field, int(is_set))


async def set_notification_level(tx: Tx, me: Participant, level: int) -> None:
    """Set which messages notify the caller. Raises Invalid("level"), also for DEFAULT: a choice cannot be undone."""
    if level not in _LEVELS:
        raise Invalid("level")
    await _set(tx, me, "notification_level", level)


async def set_notification_calls(tx: Tx, me: Participant, level: int) -> None:
    """Set whether calls notify the caller: 1 or 0. Raises Invalid("level")."""
    if level not in (0, 1):
        raise Invalid("level")
    await _set(tx, me, "notification_calls", level)


async def _set(tx: Tx, me: Participant, field: str, value: int) -> None:
    await attendee_store.set_attendee(tx, me.room.id, me.attendee.id, field, value, clock.now())


# --- names ----------------------------------------------------------------------------------
async def rename_guest(tx: Tx, me: Participant, name: str) -> Participant:
    """Set the name of the calling guest. Raises Forbidden for users and Invalid("name") if it is too long."""
    if not me.is_guest:
        raise Forbidden(data=NULL)
    name = cleaned(name)
    if len(name) > MAX_GUEST_NAME_LENGTH:
        raise Invalid("name")
    await attendee_store.set_attendee(tx, me.room.id, me.attendee.id, "display_name", name, clock.now())
    await tx.emit(GuestRenamed(me.room.id, me.actor, me.attendee.id))
    renamed = await attendee_store.get_attendee(tx, me.room.id, me.attendee.id)
    assert renamed is not None, "the transaction has locked the row"
    return Participant(me.room, renamed, me.session)
