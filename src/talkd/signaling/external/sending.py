"""Requests to an external signaling server: signed ones about a room, and the question who it is."""

from typing import Any

import msgspec

from talkd.conversation.signaling_servers import SignalingServer
from talkd.core import checksums, ids
from talkd.core.json import UNREADABLE
from talkd.web import outgoing
from talkd.web.call import World


async def post(
    world: World, server: SignalingServer, token: str, body: bytes, *, timeout: float = outgoing.TIMEOUT_SECONDS
) -> outgoing.Response:
    """Send a body and return the answer, whatever its status. Raises Unreachable."""
    own, random = world.config.server, ids.new_secret()
    secret = world.talk_settings.signaling.secret
    headers = {
        "Content-Type": "application/json",
        "Spreed-Signaling-Random": random,
        "Spreed-Signaling-Checksum": checksums.sign(body, secret=secret, random=random),
        "Spreed-Signaling-Backend": (own.public_url or own.url_at(own.host)).rstrip("/") + "/",
    }
    url = f"{server.url}/api/v1/room/{token}"
    return await outgoing.send("POST", url, body, headers, verify=server.verify, timeout=timeout)


async def ask_welcome(server: SignalingServer) -> dict[str, Any]:
    """Return what a server says of itself, or what is wrong with its answer as `error`."""
    try:
        answer = await outgoing.send("GET", f"{server.url}/api/v1/welcome", verify=server.verify)
        welcome = msgspec.json.decode(answer.content, type=dict[str, Any])
    except outgoing.Unreachable:
        return {"error": "CAN_NOT_CONNECT"}
    except UNREADABLE:
        return {"error": "JSON_INVALID"}
    return welcome if "version" in welcome else {"error": "JSON_INVALID"}
