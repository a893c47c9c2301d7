"""Operations of the signaling API, version 3: internal signaling."""

from typing import Any

import msgspec

from talkd.areas.signaling import service, view
from talkd.areas.signaling.model import parse
from talkd.areas.signaling.polling import Polling
from talkd.conversation import room_store
from talkd.conversation.pings import Pings
from talkd.core.constants import MAX_POLL_SECONDS, RoomType
from talkd.core.errors import NULL, Conflict, NotFound, UnknownRoom
from talkd.realtime.changes import attendee_topic, call_topic, login_topics, session_topic
from talkd.realtime.timers import end_of_wait
from talkd.storage.database import Tx
from talkd.web import guards
from talkd.web.call import Call
from talkd.web.guards import find_participant
from talkd.web.params import LongText
from talkd.web.routing import Access, Guard, Routes

routes = Routes("signaling")
V3 = ("v3",)


class SettingsParams(msgspec.Struct, frozen=True):
    """For which room, if for a certain one."""

    token: str = ""


class SendParams(msgspec.Struct, frozen=True):
    """Messages, as a JSON text of a list."""

    messages: LongText


@routes.add(
    "GET",
    "signaling/settings",
    Guard.NO_LOGIN,
    versions=V3,
    params=SettingsParams,
    access=Access.WRITE,
    returns=dict[str, Any],
)
async def get_settings(tx: Tx, call: Call[SettingsParams]) -> dict[str, Any]:
    """Get how to reach others in calls."""
    call.token = call.params.token
    is_inside = call.token != "" and await find_participant(tx, call) is not None
    if call.token and not is_inside:
        room = await room_store.get_room(tx, call.token)
        if room is None or room.type != RoomType.PUBLIC:
            raise UnknownRoom(data=NULL)
    caller, config, chosen = call.caller, call.world.config.calls, call.world.settings
    proof = await service.prove(tx, caller.user_id, caller.display_name, issuer=call.base_url)
    may_relay = is_inside or caller.user_id is not None  # a relay costs its owner bandwidth: not for everybody
    servers = service.list_turn_servers(config, chosen) if may_relay else []
    return view.settings(
        caller.user_id,
        proof,
        stun=service.list_stun_servers(config, chosen),
        turn=[service.new_relay(server) for server in servers],
        hides_warning=chosen.hides_signaling_warning,
    )


@routes.add("POST", "signaling/backend", Guard.NO_LOGIN, versions=V3, csrf=False)
async def answer_backend(_tx: Tx, _call: Call[Any]) -> dict[str, Any]:
    """Answer a standalone signaling server. None is set up with this release, so nobody can prove to be one."""
    return view.UNKNOWN_BACKEND


@routes.add("POST", "signaling/{token}", Guard.NO_LOGIN, versions=V3, params=SendParams)
async def send(tx: Tx, call: Call[SendParams]) -> None:
    """Send messages to other sessions of the room."""
    me = await find_participant(tx, call)
    if me is not None:
        await service.send(tx, me, parse(call.params.messages))


@routes.add("GET", "signaling/{token}", Guard.NO_LOGIN, versions=V3, access=Access.OWN, returns=list[view.Item])
async def receive(call: Call[Any]) -> list[view.Item]:
    """Wait for messages to this session, or for a change of who is in the room.

    Of several polls of a session, only the newest takes messages. Raises NotFound for who has not opened the room,
    Conflict when the session ends during the wait, and NotAuthenticated when the login ends.
    """
    world = call.world
    until = end_of_wait(call.began, MAX_POLL_SECONDS)
    await _look_again(call)
    room_id, session_id = call.me.room.id, _session_id(call)
    if not session_id:
        raise NotFound(data=view.GONE)
    topics = call_topic(room_id), session_topic(session_id), attendee_topic(call.me.attendee.id)
    logins = login_topics(call.caller.user_id)
    with call.watch(*topics, *logins) as watch:
        if guards.may_have_logged_out(call):
            await guards.require_login_again(call)
        poll = world[Polling].begin_poll(session_id)
        while not await _has_news(call, poll) and await watch.wait(until):
            if not logins.isdisjoint(watch.take()):
                await guards.require_login_again(call)
            await _look_again(call)
            if _session_id(call) != session_id:
                raise Conflict(data=view.GONE)
        if watch.has_hung_up:
            return []  # nobody hears the answer, and the messages wait for the next poll
    if world[Polling].is_newest_poll(session_id, poll):
        world[Polling].note_list(room_id, session_id)
    news = await call.write(lambda tx: _news(tx, call, poll))
    if call.standing != world.changes.standing:  # see `guards.require_still`
        await _look_again(call)
    return news


def _session_id(call: Call[Any]) -> str:
    """Of the device that asks; empty when it has not opened the room."""
    session = call.me.session
    return session.session_id if session is not None else ""


async def _look_again(call: Call[Any]) -> None:
    """Who asks, with the session as it is now, which gives a sign. Raises NotFound for who is in no such room."""
    call.standing = call.world.changes.standing
    call.participant = await call.world.db.read(lambda tx: find_participant(tx, call))
    if call.participant is None:
        raise NotFound(data=view.GONE)
    if session_id := _session_id(call):
        call.world[Pings].note(session_id)


async def _has_news(call: Call[Any], poll: int) -> bool:
    session_id = _session_id(call)
    if not call.world[Polling].is_newest_poll(session_id, poll):
        return False
    if not call.world[Polling].has_list(call.me.room.id, session_id):
        return True
    return await call.world.db.read(lambda tx: service.has_messages(tx, session_id))


async def _news(tx: Tx, call: Call[Any], poll: int) -> list[view.Item]:
    session_id = _session_id(call)
    is_newest = call.world[Polling].is_newest_poll(session_id, poll)
    messages = await service.fetch(tx, session_id) if is_newest else []
    present = await service.list_present(tx, call.me.room.id)
    if not call.me.can_pass_lobby:  # from the lobby nobody sees who is inside
        present = [(session, attendee) for session, attendee in present if attendee.id == call.me.attendee.id]
    return view.news(messages, call.me.room, present)
