"""Operations for the bridge to the telephone network, which signs its requests, and for participants who call out."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.telephony import service
from talkd.areas.telephony.dialer import Dialer
from talkd.areas.telephony.model import read_target
from talkd.conversation.participant import Attendee
from talkd.core.errors import NotAvailable
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import lock_room_again, verify_signature
from talkd.web.ocs import Reply
from talkd.web.routing import IN_ROOM, Access, Guard, Routes

routes = Routes("sip")
V4 = ("v4",)
BRIDGE_SECRET = "talkSipBridgeSecret"
"""The brute-force action that counts wrong checksums."""
_BY_BRIDGE: dict[str, Any] = {
    "versions": V4,
    "access": Access.OWN,
    "throttle": BRIDGE_SECRET,
    "csrf": False,
    "errors": (400, 401, 404, 501),
}


class PinParams(msgspec.Struct, frozen=True):
    """The PIN that was dialled."""

    pin: str


class NumberParams(msgspec.Struct, frozen=True):
    """The number that is called."""

    number: str


class RejectedParams(msgspec.Struct, frozen=True):
    """The telephone call."""

    callId: str


class DialOutParams(msgspec.Struct, frozen=True):
    """The attendee to call."""

    attendeeId: int


# --- for the bridge -------------------------------------------------------------------------
async def _answer(call: Call[Any], work: Callable[[Tx], Awaitable[Any]], *, is_set_up: bool) -> Reply:
    """Check who asks, and answer with what `work` returns. Raises NotAvailable if there is no bridge."""
    secret = call.world.talk_settings.sip_secret
    if not await verify_signature(
        call, call.token.encode(), sender="talk-sipbridge", secret=secret, action=BRIDGE_SECRET
    ):
        return Reply(None, 401)
    if not is_set_up:
        raise NotAvailable("sip")
    return Reply(await call.write(work))


async def _show(tx: Tx, call: Call[Any], attendee: Attendee) -> RoomView:
    return await rendering.render(tx, call, attendee.room_id, attendee.id, browser="")


async def _find_pin(call: Call[PinParams]) -> Reply:
    async def work(tx: Tx) -> RoomView:
        return await _show(tx, call, await service.get_by_pin(tx, call.token, call.params.pin))

    return await _answer(call, work, is_set_up=call.world.talk_settings.can_dial_in)


@routes.add("POST", "room/{token}/verify-dialin", Guard.NO_LOGIN, params=PinParams, returns=RoomView, **_BY_BRIDGE)
async def verify_dial_in(call: Call[PinParams]) -> Reply:
    """Find the attendee whose PIN was dialled."""
    return await _find_pin(call)


@routes.add("POST", "room/{token}/open-dial-in", Guard.NO_LOGIN, returns=RoomView, **_BY_BRIDGE)
async def open_dial_in(call: Call[Any]) -> Reply:
    """Let a caller without a PIN join the room as a guest."""

    async def work(tx: Tx) -> RoomView:
        return await _show(tx, call, await service.add_caller(tx, call.token))

    return await _answer(call, work, is_set_up=call.world.talk_settings.can_dial_in)


@routes.add("POST", "room/{token}/verify-dialout", Guard.NO_LOGIN, params=NumberParams, returns=RoomView, **_BY_BRIDGE)
async def verify_dial_out(call: Call[NumberParams]) -> Reply:
    """Find the attendee who is being called by telephone."""
    target = read_target(call.raw.get("options"))

    async def work(tx: Tx) -> RoomView:
        return await _show(tx, call, await service.get_by_number(tx, call.token, call.params.number, target))

    return await _answer(call, work, is_set_up=call.world.talk_settings.can_dial_out)


@routes.add("DELETE", "room/{token}/rejected-dialout", Guard.NO_LOGIN, params=RejectedParams, **_BY_BRIDGE)
async def reject_dial_out(call: Call[RejectedParams]) -> Reply:
    """Note that the person called did not answer."""
    target = read_target(call.raw.get("options"))

    async def work(tx: Tx) -> None:
        await service.reject(tx, call.token, call.params.callId, target)

    return await _answer(call, work, is_set_up=call.world.talk_settings.can_dial_out)


# --- for participants -----------------------------------------------------------------------
@routes.add(
    "POST",
    "call/{token}/dialout/{attendeeId}",
    *IN_ROOM,
    Guard.CALLS_ENABLED,
    Guard.PAST_LOBBY,
    versions=V4,
    params=DialOutParams,
    access=Access.OWN,
    errors=(400, 404, 501),
)
async def dial_out(call: Call[DialOutParams]) -> Reply:
    """Call the telephone number of an attendee into the call."""

    async def find(tx: Tx) -> Attendee:
        await lock_room_again(tx, call)
        return await service.require_callable(tx, call.me, call.params.attendeeId)

    target = await call.write(find)
    if not call.world.talk_settings.can_dial_out:
        raise NotAvailable("sip")
    options = {"attendeeId": target.id, "actorType": target.actor_type, "actorId": target.actor_id}
    outcome = await call.world[Dialer].ask(call.token, {"number": target.phone_number, "options": options})
    call_id = (outcome.get("status") or {}).get("callid")
    if not isinstance(call_id, str) or not call_id:
        error = outcome.get("error") or {}
        raise NotAvailable(str(error.get("code", "dialout")), message=str(error.get("message", "")))
    await call.write(lambda tx: service.note_call(tx, target, call_id))
    return Reply(None, 201)
