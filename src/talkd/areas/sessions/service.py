"""Joining and leaving a room with a device."""

from collections.abc import Callable

from talkd.areas.calls import service as calls
from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.participants import service as participants
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.conversation import ban_store, room_store, session_store
from talkd.conversation.attendee_store import find_attendee, get_attendee
from talkd.conversation.participant import Attendee, Participant, Session, is_self_joined
from talkd.conversation.room import Room
from talkd.conversation.room_store import get_room
from talkd.core import clock, ids
from talkd.core.actor import GUESTS, USERS, Actor
from talkd.core.constants import SESSION_KILL, ParticipantType, RoomType
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound, Throttled, UnknownRoom
from talkd.core.events import SessionJoined, SessionLeft
from talkd.storage.database import Tx


async def join_user(
    tx: Tx, room: Room, user: Actor, *, browser: str, password_is_right: bool, login: str = ""
) -> Participant:
    """A user opens a room on a device, logged in by what has the secret `login`.

    A user who is no member may come into a public room, with its password if it has one. In a listed room they need
    no password and become a member. A device that had joined before gets a fresh session and is in no call. If it is
    the only device of a self-joined user, it leaves first, so they are new in the room, as on the real server; they
    are not asked for the password again. Raises NotFound, Forbidden("password") and Forbidden("ban").
    """
    room = await room_store.lock_room(tx, room.id)  # so that a device that joins twice at once has one session
    await delivery.catch_up(tx, room)
    known = attendee = await find_attendee(tx, room.id, USERS, user.id)
    if known is not None:
        has_cookie = bool(browser)  # without one, the earlier session may be another device's
        await _end_previous(tx, room, known, browser, keep_attendee=not (has_cookie and is_self_joined(known)))
        attendee = await find_attendee(tx, room.id, USERS, user.id)
    if attendee is None:
        if room.type == RoomType.ONE_TO_ONE and user.id in (room.user_a, room.user_b):
            await participants.open_one_to_one(tx, room, user.id, user.name)
        elif room.type == RoomType.PUBLIC or room.is_listed:
            if await ban_store.is_banned(tx, room.id, USERS, user.id):
                raise Forbidden("ban")
            if known is None:
                _require_password(room.password_hash_for(user.id), password_is_right)
            kind = ParticipantType.USER if room.is_listed else ParticipantType.USER_SELF_JOINED
            await participants.add_user(tx, room, user, user.id, user.name, type=kind)
        else:
            raise UnknownRoom(data=NULL)
        attendee = await find_attendee(tx, room.id, USERS, user.id)
        assert attendee is not None, "just added"
    return await _join(tx, room, attendee, browser, login=login)


async def get_asked_password(tx: Tx, token: str, user_id: str | None) -> str:
    """Return the hash of the password that a user or visitor (None) must know to join; empty if none is asked.

    It is empty too for a room that does not exist or does not let them in, and for members.
    """
    room = await get_room(tx, token)
    if room is None or room.type != RoomType.PUBLIC:
        return ""
    if user_id is not None and await find_attendee(tx, room.id, USERS, user_id) is not None:
        return ""
    return room.password_hash_for(user_id)


async def join_visitor(
    tx: Tx,
    room: Room,
    *,
    browser: str,
    address: str,
    password_is_right: bool,
    known: Attendee | None,
    session_id: str,
    old_browser: str = "",
    network: str = "",
    most: int = 0,
) -> Participant:
    """Somebody without an account opens a public room on a device; `session_id` is the new join's.

    `old_browser` is what the device was known by until now. At most `most` devices of a `network` have rooms open
    (0: any number).

    Raises NotFound for rooms that are not public, Forbidden("ban"), Forbidden("password") and Throttled.
    """
    is_banned = await ban_store.is_visitor_banned(tx, room.id, browser=old_browser or browser, address=address)
    if is_banned and (known is None or not known.is_moderator):
        raise Forbidden("ban") if known is not None or room.type == RoomType.PUBLIC else NotFound(data=NULL)
    if known is not None:
        await _end_previous(tx, room, known, browser)
        await _require_room_for(tx, network, most)
        return await _join(tx, room, known, browser, session_id, address, network)
    if room.type != RoomType.PUBLIC:
        raise UnknownRoom(data=NULL)
    _require_password(room.password_hash_for(None), password_is_right)
    await _require_room_for(tx, network, most)
    attendee_id = await participants.add_guest(tx, room, ids.guest_id(session_id))
    attendee = await get_attendee(tx, room.id, attendee_id)
    assert attendee is not None, "just added"
    return await _join(tx, room, attendee, browser, session_id, address, network)


async def _require_room_for(tx: Tx, network: str, most: int) -> None:
    """Raises Throttled if so many devices of visitors from the network have rooms open."""
    if not most:
        return
    await tx.lock_name(f"guests of {network}")  # others of the network join other rooms at the same moment
    if await session_store.count_of_network(tx, network, most) >= most:
        raise Throttled(SESSION_KILL)


def _require_password(password_hash: str, is_right: bool) -> None:
    if password_hash and not is_right:
        raise Forbidden("password")


async def _end_previous(tx: Tx, room: Room, attendee: Attendee, browser: str, *, keep_attendee: bool = True) -> None:
    for session in await session_store.list_sessions_of(tx, room.id, attendee.id):
        if session.browser == browser:
            await end(tx, room, session, attendee, keep_attendee=keep_attendee)


async def _join(
    tx: Tx,
    room: Room,
    attendee: Attendee,
    browser: str,
    session_id: str = "",
    address: str = "",
    network: str = "",
    login: str = "",
) -> Participant:
    session = await session_store.add_session(
        tx,
        room_id=room.id,
        attendee_id=attendee.id,
        session_id=session_id or ids.new_session_id(),
        browser=browser,
        now=clock.steady(),
        address=address,
        network=network,
        login=login,
    )
    await tx.emit(SessionJoined(room.id, attendee.actor, attendee.id, session.session_id))
    return Participant(room, attendee, session)


async def set_state(tx: Tx, me: Participant, state: int) -> None:
    """Note whether anybody is looking at the device: 1 or 0.

    Raises NotFound when the device has not joined the room, and Invalid for other states.
    """
    if me.session is None:
        raise UnknownRoom(data=NULL)
    if state not in (0, 1):
        raise Invalid(data=NULL)
    await session_store.set_state(tx, me.session, state)


async def leave(tx: Tx, me: Participant) -> None:
    """A device closes the room. Nothing happens when it had not joined."""
    now = await session_store.find_session(tx, me.session.session_id) if me.session is not None else None
    if now is not None:  # else it has ended meanwhile
        await end(tx, me.room, now[0], me.attendee)


async def end(tx: Tx, room: Room, session: Session, attendee: Attendee, *, keep_attendee: bool = False) -> None:
    """The join is over, and with the last one go guests and those who had only followed a link."""
    if session.in_call:
        await calls.drop(tx, room, session, attendee)
    await session_store.delete_session(tx, session)
    await tx.emit(SessionLeft(room.id, attendee.actor, attendee.id, session.session_id))
    if keep_attendee or not (attendee.actor_type == GUESTS or is_self_joined(attendee)):
        return
    if not await session_store.list_sessions_of(tx, room.id, attendee.id):
        await participants.remove(tx, room, attendee.actor, attendee, quiet=True)


async def end_silent(tx: Tx) -> int:
    """End the joins that have given no sign for too long; how many there were."""
    silent = await session_store.list_silent(tx, clock.steady() - SESSION_KILL)
    # Looked at again under the room's lock: it may just have given a sign.
    await _end_all(tx, silent, is_over=lambda before, now: now.last_ping <= before.last_ping)
    return len(silent)


async def end_logged_out(tx: Tx, user_id: str) -> None:
    """End the sessions that a user opened with a login that has ended; all of them if the user may not use Talk."""
    account = await users.find_enabled(tx, user_id)
    talk = await settings.get_settings(tx)
    if account is None or not await users.may_use_talk(tx, talk, user_id):
        over = await session_store.list_of_user(tx, user_id)
    else:
        over = await session_store.list_logged_out(tx, user_id, ids.fingerprint(account.password_hash))
    await _end_all(tx, over)


async def end_not_allowed(tx: Tx) -> None:
    """End the sessions of all users who may not use Talk."""
    allowed = (await settings.get_settings(tx)).allowed_groups
    for user_id in await session_store.list_users_outside(tx, allowed) if allowed else ():
        await _end_all(tx, await session_store.list_of_user(tx, user_id))


async def _end_all(
    tx: Tx,
    over: list[tuple[Session, Attendee]],
    *,
    is_over: Callable[[Session, Session], bool] = lambda _before, _now: True,
) -> None:
    for session, _ in sorted(over, key=lambda each: each[0].room_id):  # the order in which all hold several rooms
        try:
            room = await room_store.lock_room(tx, session.room_id)
        except NotFound:
            continue  # it went with its room meanwhile
        now = await session_store.find_session(tx, session.session_id)
        if now is not None and is_over(session, now[0]):
            await end(tx, room, *now)
