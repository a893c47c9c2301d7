"""Operations for the bridge to the telephone network, which signs its requests, and for participants who call out."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.signatures import service as signatures
from talkd.areas.telephony import service
from talkd.areas.telephony.dialer import Dialer
from talkd.areas.telephony.model import read_target
from talkd.conversation.participant import Attendee
from talkd.core.errors import NotAvailable, NotSigned, Rejected
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import BRIDGE, lock_room_again, require_signed
from talkd.web.ocs import UNKNOWN_ROUTE, Reply
from talkd.web.routing import IN_ROOM, Access, Guard, Routes

routes = Routes("sip")
V4 = ("v4",)
PIN = re.compile(r"[0-9]{7,32}")
_BY_BRIDGE: dict[str, Any] = {
    "versions": V4,
    "access": Access.OWN,
    "csrf": False,
    "errors": (400, 401, 404, 501),
}


class PinParams(msgspec.Struct, frozen=True):
    """The PIN that was dialled."""

    pin: str


class DirectParams(msgspec.Struct, frozen=True):
    """The number that was dialled, and that of the caller."""

    phoneNumber: str
    caller: str


class NumberParams(msgspec.Struct, frozen=True):
    """The number that is called."""

    number: str


class RejectedParams(msgspec.Struct, frozen=True):
    """The telephone call."""

    callId: str


class DialOutParams(msgspec.Struct, frozen=True):
    """The attendee to call."""

    attendeeId: int


class SetUpParams(msgspec.Struct, frozen=True):
    """The groups that may use the bridge (none for everybody), how people dial in, and the secret of the bridge."""

    sipGroups: list[str] = []
    dialInInfo: str = ""
    sharedSecret: str = ""


# --- for the bridge -------------------------------------------------------------------------
async def _answer(
    call: Call[Any], work: Callable[[Tx], Awaitable[Any]], *, is_set_up: bool, signed: str | None = None
) -> Reply:
    """Check who asks, and answer with what `work` returns. Raises NotSigned, and NotAvailable if there is no bridge.

    The bridge signs the token, or the text `signed` instead.
    """
    require_signed(BRIDGE, (call.token if signed is None else signed).encode(), call)
    if not is_set_up:
        raise NotAvailable("sip")
    return Reply(await call.write(work))


async def _require_new(tx: Tx, call: Call[Any]) -> None:
    """Raises NotSigned if the request is an old one that somebody repeats."""
    if not await signatures.use_now(tx, call.header(f"{BRIDGE.name}-checksum")):
        raise NotSigned("")


async def _show(tx: Tx, call: Call[Any], attendee: Attendee) -> RoomView:
    return await rendering.render(tx, call, attendee.room_id, attendee.id, browser="")


async def _find_pin(call: Call[PinParams]) -> Reply:
    async def work(tx: Tx) -> RoomView:
        return await _show(tx, call, await service.get_by_pin(tx, call.token, call.params.pin))

    return await _answer(call, work, is_set_up=call.world.talk_settings.can_dial_in)


@routes.add("GET", "room/{token}/pin/{pin}", Guard.NO_LOGIN, params=PinParams, returns=RoomView, **_BY_BRIDGE)
async def find_pin(call: Call[PinParams]) -> Reply:
    """Find the attendee whose PIN was dialled, for older bridges. What is no PIN is an unknown address."""
    if not PIN.fullmatch(call.params.pin):
        raise Rejected(998, UNKNOWN_ROUTE)
    return await _find_pin(call)


@routes.add("POST", "room/{token}/verify-dialin", Guard.NO_LOGIN, params=PinParams, returns=RoomView, **_BY_BRIDGE)
async def verify_dial_in(call: Call[PinParams]) -> Reply:
    """Find the attendee whose PIN was dialled."""
    return await _find_pin(call)


@routes.add("POST", "room/{token}/open-dial-in", Guard.NO_LOGIN, returns=RoomView, **_BY_BRIDGE)
async def open_dial_in(call: Call[Any]) -> Reply:
    """Let a caller without a PIN join the room as a guest."""

    async def work(tx: Tx) -> RoomView:
        await _require_new(tx, call)
        return await _show(tx, call, await service.add_caller(tx, call.token))

    return await _answer(call, work, is_set_up=call.world.talk_settings.can_dial_in)


@routes.add("POST", "room/direct-dial-in", Guard.NO_LOGIN, params=DirectParams, returns=RoomView, **_BY_BRIDGE)
async def open_room(call: Call[DirectParams]) -> Reply:
    """Open a conversation for a telephone call to the number of an account."""
    params, talk_settings = call.params, call.world.talk_settings

    async def work(tx: Tx) -> RoomView:
        await _require_new(tx, call)
        return await _show(tx, call, await service.open_room(tx, params.phoneNumber, params.caller, talk_settings))

    return await _answer(call, work, is_set_up=talk_settings.can_dial_in, signed=params.phoneNumber)


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


# --- for administrators ---------------------------------------------------------------------
@routes.add("POST", "settings/sip", Guard.ADMIN, versions=("v1",), params=SetUpParams)
async def set_up(tx: Tx, call: Call[SetUpParams]) -> None:
    """Set up the telephone bridge."""
    given = call.params
    await service.set_up(tx, groups=given.sipGroups, dial_in_info=given.dialInInfo, secret=given.sharedSecret)
