"""Operations for the telephone bridge.

The bridge signs its requests. A request with the right checksum is answered 501, because dialling in is not
implemented yet.
"""

from typing import Any

from talkd.core.errors import NotAvailable
from talkd.web.call import Call
from talkd.web.guards import verify_signature
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("sip")
BRIDGE_SECRET = "talkSipBridgeSecret"
"""The brute-force action that counts wrong checksums."""
_OPTIONS: dict[str, Any] = {
    "versions": ("v4",),
    "access": Access.OWN,
    "throttle": BRIDGE_SECRET,
    "csrf": False,
    "errors": (401, 501),
}


async def _answer(call: Call[Any]) -> Reply:
    secret = call.world.talk_settings.sip_secret
    if await verify_signature(call, call.token.encode(), sender="talk-sipbridge", secret=secret, action=BRIDGE_SECRET):
        raise NotAvailable("sip")
    return Reply(None, 401)


@routes.add("POST", "room/{token}/open-dial-in", Guard.NO_LOGIN, **_OPTIONS)
async def open_dial_in(call: Call[Any]) -> Reply:
    """Let a caller without a PIN join the room."""
    return await _answer(call)


@routes.add("POST", "room/{token}/verify-dialin", Guard.NO_LOGIN, **_OPTIONS)
async def verify_dial_in(call: Call[Any]) -> Reply:
    """Find the attendee whose PIN was dialled."""
    return await _answer(call)


@routes.add("POST", "room/{token}/verify-dialout", Guard.NO_LOGIN, **_OPTIONS)
async def verify_dial_out(call: Call[Any]) -> Reply:
    """Find the attendee who is being called by phone."""
    return await _answer(call)


@routes.add("DELETE", "room/{token}/rejected-dialout", Guard.NO_LOGIN, **_OPTIONS)
async def reject_dial_out(call: Call[Any]) -> Reply:
    """Note that the person called did not answer."""
    return await _answer(call)
