"""The operation that external signaling servers call, and the one that asks such a server who it is."""

from typing import Any

import msgspec

from talkd.areas.signaling import server_service as servers
from talkd.areas.signatures import service as signatures
from talkd.conversation.pings import Pings
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound
from talkd.core.json import UNREADABLE
from talkd.signaling.external import callbacks
from talkd.signaling.external.callbacks import Answer, Request, RoomRequest
from talkd.signaling.external.sending import ask_welcome
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import NOT_SIGNED, SIGNALING_SERVER, is_signed
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("signaling")


@routes.add(
    "POST",
    "signaling/backend",
    Guard.NO_LOGIN,
    versions=("v1", "v2", "v3"),
    access=Access.OWN,
    throttle=SIGNALING_SERVER.action,
    csrf=False,
    returns=dict[str, Any],
)
async def answer(call: Call[Any]) -> Answer:
    """Answer an external signaling server. The HTTP status is 200 even if the answer is an error."""
    if not await is_signed(SIGNALING_SERVER, call.body, call):
        return NOT_SIGNED
    try:
        asked = msgspec.json.decode(call.body, type=Request)
    except UNREADABLE:
        return callbacks.refusal("invalid_request", "The request has the wrong form.")
    return await _answer(call, asked)


async def _answer(call: Call[Any], asked: Request) -> Answer:
    world = call.world
    if asked.type == "auth" and (auth := asked.auth) is not None:
        return await world.db.read(lambda tx: callbacks.identify(tx, world.talk_settings, auth))
    if asked.type == "room" and (room := asked.room) is not None:
        if room.action == "leave":
            return await world.db.write(lambda tx: callbacks.leave(tx, room), queue=room.roomid)
        joined = await _join(call, room)
        if joined["type"] == "room":
            world[Pings].note(room.sessionid)
        return joined
    if asked.type == "ping" and asked.ping is not None:
        for each in asked.ping.entries:
            world[Pings].note(each.sessionid)
        return {"type": "room", "room": {"version": callbacks.VERSION}}
    return callbacks.refusal("unknown_type", "The type of the request is unknown.")


async def _join(call: Call[Any], room: RoomRequest) -> Answer:
    world = call.world
    if not room.is_virtual:
        return await world.db.read(lambda tx: callbacks.join(tx, room))
    signature = call.header(f"{SIGNALING_SERVER.name}-checksum")

    async def bring(tx: Tx) -> Answer:
        if not await signatures.use_now(tx, signature):
            return callbacks.refusal("invalid_request", "The request is an old one.")
        return await callbacks.bring(tx, room, world.talk_settings)

    try:
        return await world.db.write(bring, queue=room.roomid)
    except (NotFound, Forbidden, Invalid):
        return callbacks.refusal("no_such_room", "There is no such attendee, or the attendee may not join the call.")


class ServerParams(msgspec.Struct, frozen=True):
    """The position of a signaling server in the setting, from 0 on."""

    serverId: int


@routes.add(
    "GET",
    "signaling/welcome/{serverId}",
    Guard.ADMIN,
    versions=("v3",),
    params=ServerParams,
    access=Access.OWN,
    returns=dict[str, Any],
    errors=(404, 500),
)
async def check(call: Call[ServerParams]) -> Reply:
    """Ask an external signaling server for its version."""
    found = (await call.world.db.read(servers.get_servers)).servers
    if call.params.serverId >= len(found):
        raise NotFound(data=NULL)
    welcome = await ask_welcome(found[call.params.serverId])
    return Reply(welcome, 500 if "error" in welcome else 200)
