"""Operations of the signaling API, version 3: signaling through this server."""

from typing import Any

import msgspec

from talkd.areas.signaling import service, view
from talkd.areas.signaling.model import parse
from talkd.areas.signaling.polling import Polling
from talkd.conversation.pings import Pings
from talkd.core.constants import MAX_POLL_SECONDS
from talkd.core.errors import Conflict, NotFound
from talkd.realtime.changes import attendee_topic, call_topic, login_topics, session_topic
from talkd.realtime.timers import end_of_wait
from talkd.storage.database import Tx
from talkd.web import guards
from talkd.web.call import Call
from talkd.web.guards import RECORDER, find_participant, is_from, require_signed
from talkd.web.params import LongText
from talkd.web.routing import Access, Guard, Routes

routes = Routes("signaling")
V3 = ("v3",)


class SettingsParams(msgspec.Struct, frozen=True):
    """The room, or empty."""

    token: str = ""


class SendParams(msgspec.Struct, frozen=True):
    """A list of messages as a JSON text."""

    messages: LongText


@routes.add(
    "GET",
    "signaling/settings",
    Guard.NO_LOGIN,
    versions=V3,
    params=SettingsParams,
    access=Access.WRITE,
    returns=dict[str, Any],
    errors=(401,),
)
async def get_settings(tx: Tx, call: Call[SettingsParams]) -> dict[str, Any]:
    """Get what a client needs to know to reach others in calls. The recording server gets it for any room."""
    call.token = call.params.token
    if is_from(RECORDER, call):
        require_signed(RECORDER, b"", call)
        is_inside = True
    else:
        is_inside = call.token != "" and await find_participant(tx, call) is not None
    found = await service.get_settings(
        tx,
        call.world.config.calls,
        call.world.talk_settings,
        token=call.token,
        is_inside=is_inside,
        user_id=call.caller.user_id,
        display_name=call.caller.display_name,
        login=call.caller.login if call.caller.user_id is not None else call.caller.browser,
        issuer=call.base_url,
    )
    has_sockets = call.world.config.calls.signaling == "sockets"
    server = f"{call.base_url}/standalone-signaling" if has_sockets else ""
    return view.settings(found, server, call.world.talk_settings.dial_in_info)


@routes.add("POST", "signaling/{token}", Guard.NO_LOGIN, versions=V3, params=SendParams)
async def send(tx: Tx, call: Call[SendParams]) -> None:
    """Send messages to other sessions of the room."""
    me = await find_participant(tx, call)
    if me is not None:
        await service.send(tx, me, parse(call.params.messages))


@routes.add("GET", "signaling/{token}", Guard.NO_LOGIN, versions=V3, access=Access.OWN, returns=list[view.Item])
async def receive(call: Call[Any]) -> list[view.Item]:
    """Wait for messages to this session, or for a change of the list of sessions in the room.

    Of several polls of a session, only the newest takes messages. Raises NotFound if the caller has not joined the
    room, Conflict if the session ends during the wait, and NotAuthenticated if the login ends.
    """
    world = call.world
    until = end_of_wait(call.began, MAX_POLL_SECONDS)
    await _read_participant(call)
    room_id, session_id = call.me.room.id, _session_id(call)
    if not session_id:
        raise NotFound(data=view.ENDED)
    topics = call_topic(room_id), session_topic(session_id), attendee_topic(call.me.attendee.id)
    logins = login_topics(call.caller.user_id)
    with call.watch(*topics, *logins) as watch:
        if guards.may_have_logged_out(call):
            await guards.require_login_again(call)
        poll = world[Polling].new_poll()
        await world.db.write(lambda tx: service.begin_poll(tx, room_id, session_id, poll))
        while not await _has_news(call, poll) and await watch.wait(until):
            if not logins.isdisjoint(watch.take()):
                await guards.require_login_again(call)
            await _read_participant(call)
            if _session_id(call) != session_id:
                raise Conflict(data=view.ENDED)
        if watch.has_hung_up:
            return []  # nobody receives the answer; the messages wait for the next poll
    news = await call.write(lambda tx: _take_news(tx, call, poll))
    if call.standing != world.changes.standing:  # see `guards.require_still`
        await _read_participant(call)
    return news


def _session_id(call: Call[Any]) -> str:
    """Return the id of the caller's session, or an empty text if they have not joined the room."""
    session = call.me.session
    return session.session_id if session is not None else ""


async def _read_participant(call: Call[Any]) -> None:
    """Read the caller's participant again and note a sign of life. Raises NotFound if they are not in the room."""
    call.standing = call.world.changes.standing
    call.participant = await call.world.db.read(lambda tx: find_participant(tx, call))
    if call.participant is None:
        raise NotFound(data=view.ENDED)
    if session_id := _session_id(call):
        call.world[Pings].note(session_id)


async def _has_news(call: Call[Any], poll: str) -> bool:
    room_id, session_id = call.me.room.id, _session_id(call)
    has_list = call.world[Polling].has_list(room_id, session_id)
    return await call.world.db.read(lambda tx: service.has_news(tx, room_id, session_id, poll, has_list=has_list))


async def _take_news(tx: Tx, call: Call[Any], poll: str) -> list[view.Item]:
    return view.news(await service.take_news(tx, call.me, poll, call.world[Polling].note_list), call.me.room)
