"""Join a call, change its flags, leave and end it."""

from talkd.areas.calls import store
from talkd.areas.calls.store import ActiveCall
from talkd.areas.participants import service as participants
from talkd.areas.users import service as users
from talkd.conversation import access, room_store, session_store
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room import Room
from talkd.conversation.settings import CONSENT_ALWAYS, CONSENT_BY_ROOM, TalkSettings
from talkd.core import clock
from talkd.core.actor import SYSTEM, USERS, Actor
from talkd.core.constants import SESSION_TIMEOUT, InCall, Permission, RoomType
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound, PreconditionFailed
from talkd.core.events import CallEnded, CallFlagsSet, CallJoined, CallLeft, CallRung, CallStarted
from talkd.storage.database import Tx

ALL_FLAGS = 0xFF
"""Call flags that are kept: one byte, with bits that have no meaning yet."""
DEFAULT_FLAGS = InCall.IN_CALL | InCall.AUDIO | InCall.VIDEO


async def list_peers(tx: Tx, room: Room) -> list[tuple[Session, Attendee]]:
    """Return the devices in the call, each with its attendee, without those whose last ping is too old."""
    found = await session_store.list_active(tx, room.id, clock.steady() - SESSION_TIMEOUT)
    return [(session, attendee) for session, attendee in found if session.in_call]


async def list_active(tx: Tx) -> list[ActiveCall]:
    """Return all calls."""
    return await store.list_active(tx, clock.steady() - SESSION_TIMEOUT)


def is_ringing(me: Participant) -> bool:
    """Return True if the call still rings for the participant, and False if it is over or they cannot pass the lobby.

    Raises NotFound if the participant has answered on any device.
    """
    if not me.room.call_started_at or not me.can_pass_lobby:
        return False
    if me.attendee.in_call_since >= me.room.call_started_at:
        raise NotFound(data=NULL)
    return True


async def list_attendance(tx: Tx, me: Participant) -> list[tuple[Attendee, str]]:
    """Return who has joined the running call, each with an e-mail address, or "" if the caller may not see addresses.

    Raises Invalid if there is no call.
    """
    if not me.room.call_started_at:
        raise Invalid
    present = await store.list_participants(tx, me.room.id, me.room.call_started_at)
    if not me.can_see_addresses:
        return [(attendee, "") for attendee in present]
    attendance = []
    for attendee in present:
        account = await users.get_account(tx, attendee.actor_id) if attendee.actor_type == USERS else None
        attendance.append((attendee, account.email if account else attendee.invited_address))
    return attendance


async def join(
    tx: Tx,
    me: Participant,
    flags: int | None,
    *,
    silent: bool,
    silent_for: tuple[str, ...] = (),
    has_consented: bool,
    talk_settings: TalkSettings,
) -> None:
    """Add a device to the call. The first one starts the call.

    If the call starts now, `silent` keeps it from notifying anybody, and `silent_for` from notifying these users.

    Raises NotFound if the device has not joined the room, Invalid("type") if the room's type has no calls,
    PreconditionFailed if the participant cannot pass the lobby, Invalid("consent") if they must agree to being recorded
    and did not, and Forbidden if they may not start a call.
    """
    me, session = await _reload(tx, me)
    if me.room.type in (RoomType.CHANGELOG, RoomType.ONE_TO_ONE_FORMER, RoomType.NOTE_TO_SELF):
        raise Invalid("type")
    room = me.room
    if not me.can_pass_lobby:
        raise PreconditionFailed
    if not has_consented and await _requires_consent(tx, room, talk_settings.recording_consent):
        raise Invalid("consent")
    if not room.call_started_at and not me.can_start_call(talk_settings.start_calls):
        raise Forbidden
    wanted = DEFAULT_FLAGS if flags is None else InCall(flags & ALL_FLAGS) | InCall.IN_CALL
    allowed = _allowed(me, wanted)
    await participants.ensure_both(tx, room)
    was_in_call = bool(session.in_call)
    await session_store.set_in_call(tx, session, allowed, clock.steady())
    await store.set_entered(tx, room.id, me.attendee.id, clock.steady())
    session_id = session.session_id
    if not room.call_started_at:
        await store.start(tx, room.id, wanted, clock.steady(), clock.now())
        await tx.emit(CallStarted(room.id, me.actor, session_id, silent, silent_for))
        return
    await store.add_flag(tx, room.id, wanted)
    if was_in_call:
        await tx.emit(CallFlagsSet(room.id, me.actor, session_id))
    else:
        others = await session_store.list_sessions_of(tx, room.id, me.attendee.id)
        by_other_device = any(other.in_call for other in others if other.id != session.id)
        await tx.emit(CallJoined(room.id, me.actor, session_id, by_other_device))


async def _requires_consent(tx: Tx, room: Room, setting: int) -> bool:
    """Return True if participants must agree to being recorded. Breakout rooms follow their parent."""
    if setting != CONSENT_BY_ROOM:
        return setting == CONSENT_ALWAYS
    decisive = await room_store.get_room(tx, room.object_id) if room.is_breakout_room else room
    return decisive is not None and decisive.recording_consent == 1


async def ring(tx: Tx, me: Participant, attendee_id: int, *, everyone_may_ring: bool) -> None:
    """Notify an attendee of the running call, even if they muted calls.

    Moderators may ring. With `everyone_may_ring`, so may all who may start calls.

    Raises Forbidden for everybody else, Invalid("in-call") if the caller is not in the call or the target already is,
    NotFound if the attendee is not in the room, and Invalid("actor-type") if they have no account.
    """
    if not me.is_moderator and not (everyone_may_ring and me.may(Permission.CALL_START)):
        raise Forbidden
    if not me.room.call_started_at or me.session is None or not me.session.in_call:
        raise Invalid("in-call")
    target = await access.access_attendee(tx, me, attendee_id, data=NULL)
    if target.actor_type != USERS:
        raise Invalid("actor-type")
    if any(session.in_call for session in await session_store.list_sessions_of(tx, me.room.id, target.id)):
        raise Invalid("in-call")
    await tx.emit(CallRung(me.room.id, me.actor, target.id, target.actor))


async def set_flags(tx: Tx, me: Participant, flags: int) -> None:
    """Set what a device in the call sends: audio, video or neither.

    Raises NotFound if the device has not joined the room, Forbidden if the room is locked, PreconditionFailed if the
    lobby keeps the participant out, and Invalid if the device is not in the call.
    """
    me, session = await _reload(tx, me)
    _require_open(me)
    if not flags & InCall.IN_CALL or not session.in_call:
        raise Invalid(data=NULL)
    allowed = _allowed(me, InCall(flags))
    await session_store.set_in_call(tx, session, allowed, clock.steady())
    await tx.emit(CallFlagsSet(me.room.id, me.actor, session.session_id))


async def _reload(tx: Tx, me: Participant) -> tuple[Participant, Session]:
    """Lock the room and return participant and session as they are now: they may have changed since the guards ran.

    Raises NotFound if the device has not joined the room.
    """
    room = await room_store.lock_room(tx, me.room.id)
    attendee = await access.access_attendee(tx, me, me.attendee.id)
    for session in await session_store.list_sessions_of(tx, room.id, attendee.id):
        if me.session is not None and session.id == me.session.id:
            return Participant(room, attendee, session), session
    raise NotFound(data=NULL)


def _require_open(me: Participant) -> None:
    if not me.room.is_writable:
        raise Forbidden
    if not me.can_pass_lobby:
        raise PreconditionFailed


async def leave(tx: Tx, me: Participant, *, for_everyone: bool) -> None:
    """Remove the device from the call. Moderators may end the call for everyone.

    Raises NotFound if the device has not joined the room. If it is not in the call, raises Forbidden for a locked
    room and PreconditionFailed if the lobby keeps the participant out.
    """
    me, session = await _reload(tx, me)
    if not session.in_call:
        _require_open(me)
    if for_everyone and me.is_moderator:
        await _end(tx, me.room, me.actor, for_everyone=True)
    elif session.in_call:
        await _leave(tx, me.room, session, me.attendee, me.actor)


async def drop(tx: Tx, room: Room, session: Session, attendee: Attendee) -> None:
    """Remove a device that left the room or stopped pinging."""
    await _leave(tx, room, session, attendee, SYSTEM)


async def enforce_permissions(tx: Tx, room_id: int) -> None:
    """Drop or mute call participants who lost a permission. The lobby drops, a publishing permission mutes.

    Locking a room does not end its call: nobody can join or change flags, and everybody may leave.
    """
    room = await room_store.lock_room(tx, room_id)
    if not room.call_started_at:
        return
    for session, attendee in await session_store.list_active(tx, room_id, 0):
        me = Participant(room, attendee, session)
        allowed = _allowed(me, InCall(session.in_call))
        if session.in_call and not me.can_pass_lobby:
            await drop(tx, room, session, attendee)
        elif allowed != session.in_call:
            await session_store.set_in_call(tx, session, allowed, session.last_ping)
            await tx.emit(CallFlagsSet(room.id, attendee.actor, session.session_id))


async def list_rooms_to_end(tx: Tx, max_duration: int) -> list[int]:
    """Return the rooms whose call has lasted for `max_duration` seconds. 0 means no limit."""
    return await store.list_rooms_with_call_since(tx, clock.steady() - max_duration) if max_duration else []


async def end_long(tx: Tx, room_id: int, max_duration: int) -> None:
    """End the room's call for everyone if it has lasted for `max_duration` seconds."""
    room = await room_store.lock_room(tx, room_id)
    if 0 < room.call_started_at <= clock.steady() - max_duration:
        await _end(tx, room, SYSTEM, for_everyone=True)


async def end_if_empty(tx: Tx, room_id: int) -> None:
    """End the room's call if nobody is in it any more."""
    room = await room_store.lock_room(tx, room_id)
    if room.call_started_at and not await store.count_in_call(tx, room_id):
        await _end(tx, room, SYSTEM, for_everyone=False)


async def _leave(tx: Tx, room: Room, session: Session, attendee: Attendee, ended_by: Actor) -> None:
    await session_store.set_in_call(tx, session, InCall.NONE, clock.steady())
    others = await session_store.list_sessions_of(tx, room.id, attendee.id)
    still_in = any(other.in_call for other in others if other.id != session.id)
    await tx.emit(CallLeft(room.id, attendee.actor, session.session_id, still_in))
    if room.call_started_at and not await store.count_in_call(tx, room.id):
        await _end(tx, room, ended_by, for_everyone=False)


async def _end(tx: Tx, room: Room, actor: Actor, *, for_everyone: bool) -> None:
    if not room.call_started_at:
        return
    present = await store.list_participants(tx, room.id, room.call_started_at)
    devices = await session_store.list_sessions(tx, room.id)
    await session_store.end_call(tx, room.id)
    await store.end(tx, room.id)
    await tx.emit(
        CallEnded(
            room.id,
            actor,
            room.call_started_at,
            tuple(attendee.actor for attendee in present),
            for_everyone,
            tuple(session.session_id for session in devices if session.in_call),
        )
    )


def _allowed(me: Participant, flags: InCall) -> int:
    """Return the flags without audio and video that the participant may not send.

    Unknown bits up to ALL_FLAGS are kept (docs/api/compatibility.md).
    """
    flags &= InCall(ALL_FLAGS)
    if not me.may(Permission.PUBLISH_AUDIO):
        flags &= ~InCall.AUDIO
    if not me.may(Permission.PUBLISH_VIDEO):
        flags &= ~InCall.VIDEO
    return int(flags)
