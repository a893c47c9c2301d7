"""Join rooms."""

import msgspec

from talkd.areas.invitations import service as invitations
from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.participants import service as participants
from talkd.areas.sessions import service as sessions
from talkd.conversation import attendee_store, ban_store, room_store, session_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.core import clock, ids
from talkd.core.actor import USERS, Actor
from talkd.core.constants import SESSION_KILL, ParticipantType, RoomType
from talkd.core.errors import NULL, Forbidden, NotFound, Throttled, UnknownRoom
from talkd.core.events import SessionJoined
from talkd.storage.database import Tx


class Device(msgspec.Struct, frozen=True):
    """A device that joins a room, and what its request proves about its user or visitor."""

    browser: str
    """Fingerprint of the session cookie that the device has from now on; empty if it keeps no cookies."""
    old_browser: str = ""
    """Fingerprint of the session cookie that the request was sent with, or empty."""
    user: Actor | None = None
    """The user who is logged in; None for a visitor."""
    login: str = ""
    """Secret of the credential that the user is logged in with."""
    password_is_right: bool = False
    """True if the room's password came with the request."""
    address: str = ""
    """Network address of a visitor."""
    network: str = ""
    """Network of that address. The number of visitors' sessions is limited per network."""
    invited_address: str = ""
    """E-mail address of the invitation that `access_token` belongs to."""
    access_token: str = ""
    """A visitor's personal token, if it came with the request."""


class Joined(msgspec.Struct, frozen=True):
    """The participant, with the new session."""

    me: Participant
    is_first_visit: bool = False
    """True for a visitor without a session in the room, and for one who accepts an invitation."""


async def join(tx: Tx, token: str, device: Device, *, most_visitors: int) -> Joined:
    """Join a room with a device. An earlier session of this device in the room ends; other devices keep theirs.

    At most `most_visitors` sessions of visitors may be open from one network; 0 for any number. Raises NotFound for
    rooms that the caller cannot join, Forbidden("password"), Forbidden("ban"), and Throttled for too many visitors.
    """
    # Without the lock, a device that joins twice at once would have two sessions.
    room = await room_store.get_room(tx, token, lock=True)
    if room is None:
        raise UnknownRoom(data=NULL)
    if device.old_browser and device.old_browser != device.browser:
        await invitations.move_browser(tx, device.old_browser, device.browser)
    if device.user is not None:
        return Joined(await _join_user(tx, room, device.user, device))
    present = await attendee_store.find_guest(tx, token, device.browser) if device.browser else None
    if device.access_token:
        known: Attendee | None = await _accept_invitation(tx, room, present, device)
    else:
        known = present.attendee if present is not None else await invitations.find_invited(tx, room, device.browser)
    me = await _join_visitor(tx, room, known, device, most_visitors)
    return Joined(me, is_first_visit=present is None or device.access_token != "")


async def get_required_password(tx: Tx, token: str, user_id: str | None) -> str:
    """Return the hash of the password that a user or visitor (None) must know to join, or "" if none is required.

    Also return "" for a room that does not exist or does not let them in, and for users who are in the room.
    """
    room = await room_store.get_room(tx, token)
    if room is None or room.type != RoomType.PUBLIC:
        return ""
    if user_id is not None and await attendee_store.find_attendee(tx, room.id, USERS, user_id) is not None:
        return ""
    return room.password_hash_for(user_id)


# --- users ----------------------------------------------------------------------------------
async def _join_user(tx: Tx, room: Room, user: Actor, device: Device) -> Participant:
    """Join as a user. Outsiders can join public and listed rooms.

    A self-joined user whose only device joins again is removed and added again, as on the real server
    (docs/api/compatibility.md, Sessions and guests). They are not asked for the password a second time.
    """
    await delivery.catch_up(tx, room)
    known = attendee = await attendee_store.find_attendee(tx, room.id, USERS, user.id)
    if known is not None:
        has_cookie = bool(device.browser)  # without one, the earlier session may be another device's
        await _end_previous(tx, room, known, device.browser, keep_attendee=not (has_cookie and known.is_self_joined))
        attendee = await attendee_store.find_attendee(tx, room.id, USERS, user.id)
    if attendee is None:
        await _add_user(tx, room, user, password_is_right=device.password_is_right or known is not None)
        attendee = await attendee_store.find_attendee(tx, room.id, USERS, user.id)
        assert attendee is not None, "just added"
    return await _add_session(tx, room, attendee, device, ids.new_session_id())


async def _add_user(tx: Tx, room: Room, user: Actor, *, password_is_right: bool) -> None:
    """Add a user who joins: as a member of a listed room, else as a self-joined user. Raises what `join` raises."""
    if room.type == RoomType.ONE_TO_ONE and user.id in (room.user_a, room.user_b):
        await participants.open_one_to_one(tx, room, user.id, user.name)
        return
    if room.type != RoomType.PUBLIC and not room.is_listed:
        raise UnknownRoom(data=NULL)
    if await ban_store.is_banned(tx, room.id, USERS, user.id):
        raise Forbidden("ban")
    _require_password(room.password_hash_for(user.id), password_is_right)
    kind = ParticipantType.USER if room.is_listed else ParticipantType.USER_SELF_JOINED
    await participants.add_user(tx, room, user, user.id, user.name, type=kind)


# --- visitors -------------------------------------------------------------------------------
async def _accept_invitation(tx: Tx, room: Room, present: Participant | None, device: Device) -> Attendee:
    """Return the attendee whom the personal token belongs to. If the device has a session as another guest, end it."""
    invited = await invitations.accept(tx, room, device.invited_address, device.access_token, device.browser)
    if present is not None and present.attendee.id != invited.id:
        await sessions.leave(tx, present)
    return invited


async def _join_visitor(tx: Tx, room: Room, known: Attendee | None, device: Device, most_visitors: int) -> Participant:
    """Join as a visitor: as the `known` attendee, or as a new guest, which only public rooms admit.

    Banned visitors who are not attendees get NotFound for a room that is not public, as if it did not exist.
    """
    browser = device.old_browser or device.browser  # bans know the cookie that the visitor had
    is_banned = await ban_store.is_guest_banned(tx, room.id, browser=browser, address=device.address)
    if is_banned and (known is None or not known.is_moderator):
        raise Forbidden("ban") if known is not None or room.type == RoomType.PUBLIC else NotFound(data=NULL)
    session_id = ids.new_session_id()
    if known is not None:
        await _end_previous(tx, room, known, device.browser)
        await _require_few_visitors(tx, device.network, most_visitors)
        return await _add_session(tx, room, known, device, session_id)
    if room.type != RoomType.PUBLIC:
        raise UnknownRoom(data=NULL)
    _require_password(room.password_hash_for(None), device.password_is_right)
    await _require_few_visitors(tx, device.network, most_visitors)
    attendee_id = await participants.add_guest(tx, room, ids.guest_id(session_id))
    attendee = await attendee_store.get_attendee(tx, room.id, attendee_id)
    assert attendee is not None, "just added"
    return await _add_session(tx, room, attendee, device, session_id)


async def _require_few_visitors(tx: Tx, network: str, most: int) -> None:
    """Raises Throttled if visitors from the network have `most` sessions open."""
    if not most:
        return
    await tx.lock_name(f"guests of {network}")  # others of the network may join other rooms at the same moment
    if await session_store.count_of_network(tx, network, most) >= most:
        raise Throttled(SESSION_KILL)


# --- both -----------------------------------------------------------------------------------
def _require_password(password_hash: str, is_right: bool) -> None:
    if password_hash and not is_right:
        raise Forbidden("password")


async def _end_previous(tx: Tx, room: Room, attendee: Attendee, browser: str, *, keep_attendee: bool = True) -> None:
    """End the sessions that the attendee's device has in the room."""
    for session in await session_store.list_sessions_of(tx, room.id, attendee.id):
        if session.browser == browser:
            await sessions.end(tx, room, session, attendee, keep_attendee=keep_attendee)


async def _add_session(tx: Tx, room: Room, attendee: Attendee, device: Device, session_id: str) -> Participant:
    is_user = device.user is not None
    session = await session_store.add_session(
        tx,
        room_id=room.id,
        attendee_id=attendee.id,
        session_id=session_id,
        browser=device.browser,
        now=clock.steady(),
        address="" if is_user else device.address,
        network="" if is_user else device.network,
        login=device.login if is_user else device.old_browser,
    )
    await tx.emit(SessionJoined(room.id, attendee.actor, attendee.id, session.session_id))
    return Participant(room, attendee, session)
