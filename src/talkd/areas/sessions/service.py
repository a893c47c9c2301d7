"""End sessions: the caller's own, and those that have timed out, are logged out or are not allowed any more."""

from collections.abc import Callable

from talkd.areas.calls import service as calls
from talkd.areas.participants import service as participants
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.conversation import room_store, session_store
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room import Room
from talkd.core import clock, ids
from talkd.core.actor import GUESTS
from talkd.core.constants import SESSION_KILL
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.core.events import SessionLeft
from talkd.storage.database import Tx

PORTION = 500
"""How many sessions one transaction ends at most."""


async def set_state(tx: Tx, me: Participant, state: int) -> None:
    """Set whether the caller's device shows the room: 1 or 0.

    Raises NotFound if the device has not joined the room, and Invalid for other states.
    """
    if me.session is None:
        raise NotFound(data=NULL)
    if state not in (0, 1):
        raise Invalid(data=NULL)
    await session_store.set_state(tx, me.session, state)


async def leave(tx: Tx, me: Participant) -> None:
    """End the session of the caller's device. Does nothing if it has none, or if it has ended since it was read."""
    found = await session_store.find_session(tx, me.session.session_id) if me.session is not None else None
    if found is not None:
        await end(tx, me.room, found[0], me.attendee)


async def end_by_id(tx: Tx, session_id: str) -> None:
    """End a session whose client is gone. Does nothing if it has ended already."""
    found = await session_store.find_session(tx, session_id)
    if found is not None:
        await _end_all(tx, [found])


async def end(tx: Tx, room: Room, session: Session, attendee: Attendee, *, keep_attendee: bool = False) -> None:
    """End a session. With their last session, guests and self-joined users leave the room, unless `keep_attendee`."""
    if session.in_call:
        await calls.drop(tx, room, session, attendee)
    await session_store.delete_session(tx, session)
    await tx.emit(SessionLeft(room.id, attendee.actor, attendee.id, session.session_id))
    if keep_attendee or not (attendee.actor_type == GUESTS or attendee.is_self_joined):
        return
    if not await session_store.list_sessions_of(tx, room.id, attendee.id):
        await participants.remove(tx, room, attendee.actor, attendee, quiet=True)


async def end_timed_out(tx: Tx, seconds: int = SESSION_KILL) -> int:
    """End a portion of the sessions that have not pinged for some seconds. Return how many it ended."""
    timed_out = await session_store.list_timed_out(tx, clock.steady() - seconds, PORTION)
    # The session may have pinged before its room was locked.
    return await _end_all(tx, timed_out, is_over=lambda before, now: now.last_ping <= before.last_ping)


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
    if not allowed:
        return  # everybody may use Talk
    for user_id in await session_store.list_users_outside_groups(tx, allowed):
        await _end_all(tx, await session_store.list_of_user(tx, user_id))


async def _end_all(
    tx: Tx,
    over: list[tuple[Session, Attendee]],
    *,
    is_over: Callable[[Session, Session], bool] = lambda _before, _now: True,
) -> int:
    """End these sessions, and return how many.

    `is_over` decides for each, from the session as it was read and as it is now.
    """
    ended = 0
    for session, _ in sorted(over, key=lambda each: each[0].room_id):  # rooms are always locked in this order
        try:
            room = await room_store.lock_room(tx, session.room_id)
        except NotFound:
            continue  # the room was deleted in the meantime
        found = await session_store.find_session(tx, session.session_id)
        if found is not None and is_over(session, found[0]):
            await end(tx, room, *found)
            ended += 1
    return ended
