"""Wait for a change in a room."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from talkd.areas.chat import service
from talkd.areas.chat.arrivals import Arrivals
from talkd.conversation.participant import Participant
from talkd.conversation.pings import Pings
from talkd.core.constants import MAX_POLL_SECONDS
from talkd.core.errors import Unavailable
from talkd.realtime.changes import Watch, attendee_topic, login_topics, room_topic, rules_topic
from talkd.realtime.timers import end_of_wait
from talkd.web import guards
from talkd.web.call import Call
from talkd.web.ocs import Reply

PAUSE_SECONDS = 5.0
"""During an outage of the database, a request that waits looks again after this time."""

Arrive = Callable[[Call[Any]], Awaitable[None]]
Look = Callable[[Call[Any]], Awaitable[Reply | None]]


async def wait_for(call: Call[Any], arrive: Arrive, look: Look, seconds: int, *others: str) -> Reply | None:
    """Call `look` at once and after each change, until it returns a reply. Return None after `seconds` without one.

    A change is a message, one of the other topics, or a change of what the caller may do in the room. `arrive` runs
    once, before the first `look`. Return None at once if the caller has left the room and joined it again as a new
    attendee, whose changes the watch does not see: the client then asks again.

    An outage of the database does not end the wait, unless it lasts until the end of it.

    Raises the errors of the guards if the caller may no longer be in the room, and NotAuthenticated if their login has
    ended.
    """
    world, loop = call.world, asyncio.get_running_loop()
    until = end_of_wait(call.began, seconds)
    room_id, attendee_id = call.me.room.id, call.me.attendee.id
    topics = room_topic(room_id), attendee_topic(attendee_id), rules_topic(room_id)
    standing = {attendee_topic(attendee_id), rules_topic(room_id)}  # changes of what the caller may do in the room
    logins = login_topics(call.caller.user_id)
    with call.watch(*topics, *logins, *others) as watch:
        if guards.may_have_logged_out(call):
            await guards.require_login_again(call)
        if call.standing != world.changes.standing:  # after the guards ran and before the watch began
            await guards.require_room_again(call)
            if call.me.attendee.id != attendee_id:
                return None
        await arrive(call)
        changed: set[str] = set()
        while True:
            changed |= watch.take()
            try:
                await _check_again(call, login=not logins.isdisjoint(changed), room=not standing.isdisjoint(changed))
                if call.me.attendee.id != attendee_id:
                    return None
                reply = await look(call)
            except Unavailable:
                if not await _can_pause(call, watch, until):
                    raise
                continue
            changed.clear()
            if reply is not None:
                if standing.isdisjoint(watch.take()):
                    call.standing = world.changes.standing  # what else changed concerns other attendees
                return reply
            while not await watch.wait(min(until, loop.time() + MAX_POLL_SECONDS)):
                if watch.has_hung_up or world.changes.closing or until <= loop.time():
                    return None
                note_presence(call)


async def _check_again(call: Call[Any], *, login: bool, room: bool) -> None:
    if login:
        await guards.require_login_again(call)
    if room:
        await guards.require_room_again(call)


async def _can_pause(call: Call[Any], watch: Watch, until: float) -> bool:
    """Wait a while during an outage of the database, or until it is back. Return False if no time is left for that."""
    again = asyncio.get_running_loop().time() + PAUSE_SECONDS
    if again > until or call.world.changes.closing:
        return False
    await watch.wait(again)
    return not watch.has_hung_up


def note_presence(call: Call[Any]) -> None:
    """Keep the session of the caller's device alive."""
    if call.me.session is not None:
        call.world[Pings].note(call.me.session.session_id)


def may_be_notified(me: Participant) -> bool:
    """Return True if the caller may have notifications of messages of the room, or messages may still create some.

    A mention notifies the mentioned attendees, and another message only attendees without a session.
    """
    is_mentioned = me.attendee.last_mention > me.room.notified_id
    return bool(me.attendee.notified) or is_mentioned or (me.session is None and me.room.owes_notifications)


async def note_arrival(call: Call[Any], *, read: int = 0, dismisses: bool = True) -> None:
    """Mark the message `read` as read, and dismiss the caller's notifications of the room.

    They stay if not `dismisses`, or if the device says that the chat is in the background. Does nothing if the database
    is unavailable.
    """
    me = call.me
    dismisses = dismisses and may_be_notified(me) and (me.session is None or me.session.state == 1)
    read = read if service.is_ahead(me, read) else 0
    if read or dismisses:
        with contextlib.suppress(Unavailable):
            await call.world[Arrivals].note(service.Arrival(me, read, dismisses))
