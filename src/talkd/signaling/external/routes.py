"""The operation that external signaling servers call."""

from typing import Any

import msgspec

from talkd.conversation.pings import Pings
from talkd.signaling.external import callbacks
from talkd.signaling.external.callbacks import Answer, Request
from talkd.web.call import Call
from talkd.web.guards import NOT_SIGNED, verify_signature
from talkd.web.routing import Access, Guard, Routes

routes = Routes("signaling")
SERVER_SECRET = "talkSignalingSecret"
"""The brute-force action that counts wrong checksums."""


@routes.add(
    "POST",
    "signaling/backend",
    Guard.NO_LOGIN,
    versions=("v1", "v2", "v3"),
    access=Access.OWN,
    throttle=SERVER_SECRET,
    csrf=False,
    returns=dict[str, Any],
)
async def answer(call: Call[Any]) -> Answer:
    """Answer an external signaling server. The HTTP status is 200 even if the answer is an error."""
    secret = call.world.talk_settings.signaling.secret
    if not await verify_signature(call, call.body, sender="spreed-signaling", secret=secret, action=SERVER_SECRET):
        return NOT_SIGNED
    try:
        asked = msgspec.json.decode(call.body, type=Request)
    except msgspec.DecodeError:
        return callbacks.refusal("invalid_request", "The request has the wrong form.")
    return await _answer(call, asked)


async def _answer(call: Call[Any], asked: Request) -> Answer:
    world = call.world
    if asked.type == "auth" and (auth := asked.auth) is not None:
        return await world.db.read(lambda tx: callbacks.identify(tx, world.talk_settings, auth))
    if asked.type == "room" and (room := asked.room) is not None:
        if room.action == "leave":
            return await world.db.write(lambda tx: callbacks.leave(tx, room), queue=room.roomid)
        joined = await world.db.read(lambda tx: callbacks.join(tx, room))
        if joined["type"] == "room":
            world[Pings].note(room.sessionid)
        return joined
    if asked.type == "ping" and asked.ping is not None:
        for each in asked.ping.entries:
            world[Pings].note(each.sessionid)
        return {"type": "room", "room": {"version": callbacks.VERSION}}
    return callbacks.refusal("unknown_type", "The type of the request is unknown.")
