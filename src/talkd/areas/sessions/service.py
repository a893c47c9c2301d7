"""Joining and leaving a room with a device."""

from talkd.areas.calls import service as calls
from talkd.areas.participants import service as participants
from talkd.areas.participants.model import Attendee, Participant, Session, is_self_joined
from talkd.areas.participants.store import find_attendee, get_attendee
from talkd.areas.rooms.model import Room
from talkd.areas.sessions import store
from talkd.core import clock, ids
from talkd.core.actor import GUESTS, USERS, Actor
from talkd.core.constants import SESSION_KILL, ParticipantType, RoomType
from talkd.core.errors import NULL, Conflict, Forbidden, NotFound
from talkd.core.events import SessionJoined, SessionLeft
from talkd.storage.database import Tx


async def join_user(
    tx: Tx, room: Room, user: Actor, *, browser: str, password_is_right: bool, force: bool
) -> Participant:
    """A user opens a room on a device.

    Who is no member may come into a public room, with its password when it has one. A device that had
    joined before gets a fresh session. Raises NotFound, Forbidden("password"), or Conflict when the device
    is in a call here and `force` is not set.
    """
    room = await participants.lock_room(tx, room.id)  # so that a device that joins twice at once has one session
    attendee = await find_attendee(tx, room.id, USERS, user.id)
    if attendee is None:
        if room.type == RoomType.ONE_TO_ONE and user.id in (room.user_a, room.user_b):
            await participants.open_one_to_one(tx, room, user.id, user.name)
        elif room.type == RoomType.PUBLIC:
            _require_password(room, password_is_right)
            await participants.add_user(tx, room, user, user.id, user.name, type=ParticipantType.USER_SELF_JOINED)
        else:
            raise NotFound(data=NULL)
        attendee = await find_attendee(tx, room.id, USERS, user.id)
        assert attendee is not None, "just added"
    await _end_previous(tx, room, attendee, browser, force=force)
    return await _join(tx, room, attendee, browser)


async def join_visitor(
    tx: Tx, room: Room, *, browser: str, password_is_right: bool, known: Participant | None, session_id: str
) -> Participant:
    """Somebody without an account opens a public room on a device; `session_id` is the new join's.

    Raises NotFound for rooms that are not public and Forbidden("password").
    """
    if known is not None:
        await _end_previous(tx, room, known.attendee, browser, force=True)
        return await _join(tx, room, known.attendee, browser, session_id)
    if room.type != RoomType.PUBLIC:
        raise NotFound(data=NULL)
    _require_password(room, password_is_right)
    attendee_id = await participants.add_guest(tx, room, ids.guest_id(session_id))
    attendee = await get_attendee(tx, room.id, attendee_id)
    assert attendee is not None, "just added"
    return await _join(tx, room, attendee, browser, session_id)


def _require_password(room: Room, is_right: bool) -> None:
    if room.password_hash and not is_right:
        raise Forbidden("password")


async def _end_previous(tx: Tx, room: Room, attendee: Attendee, browser: str, *, force: bool) -> None:
    for session in await store.list_sessions_of(tx, room.id, attendee.id):
        if session.browser != browser:
            continue
        if session.in_call and not force:
            raise Conflict(
                data={"sessionId": session.session_id, "inCall": session.in_call, "lastPing": session.last_ping}
            )
        await end(tx, room, session, attendee, keep_attendee=True)


async def _join(tx: Tx, room: Room, attendee: Attendee, browser: str, session_id: str = "") -> Participant:
    session = await store.add_session(
        tx,
        room_id=room.id,
        attendee_id=attendee.id,
        session_id=session_id or ids.new_session_id(),
        browser=browser,
        now=clock.now(),
    )
    await tx.emit(SessionJoined(room.id, attendee.actor, attendee.id, session.session_id))
    return Participant(room, attendee, session)


async def leave(tx: Tx, me: Participant) -> None:
    """A device closes the room. Nothing happens when it had not joined."""
    if me.session is not None:
        await end(tx, me.room, me.session, me.attendee)


async def end(tx: Tx, room: Room, session: Session, attendee: Attendee, *, keep_attendee: bool = False) -> None:
    """The join is over, and with the last one go guests and those who had only followed a link."""
    if session.in_call:
        await calls.drop(tx, room, session, attendee)
    await store.delete_session(tx, session)
    await tx.emit(SessionLeft(room.id, attendee.actor, attendee.id, session.session_id))
    if keep_attendee or not (attendee.actor_type == GUESTS or is_self_joined(attendee)):
        return
    if not await store.list_sessions_of(tx, room.id, attendee.id):
        await participants.remove(tx, room, attendee.actor, attendee, quiet=True)


async def end_silent(tx: Tx) -> int:
    """End the joins that have given no sign for too long; how many there were."""
    silent = await store.list_silent(tx, clock.now() - SESSION_KILL)
    for session, attendee in silent:
        room = await participants.lock_room(tx, session.room_id)
        await end(tx, room, session, attendee)
    return len(silent)
