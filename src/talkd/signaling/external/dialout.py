"""Ask external signaling servers to call a telephone number: one of their clients may be a bridge."""

from typing import Any

import msgspec

from talkd.areas.signaling import server_service as servers
from talkd.conversation import room_store
from talkd.conversation.signaling_servers import SignalingServer
from talkd.core.json import UNREADABLE
from talkd.signaling.external.sending import post
from talkd.storage.database import Tx
from talkd.web import outgoing
from talkd.web.call import World

ANSWER_SECONDS = 30.0
"""How long a server may take: it waits for the answer of its bridge."""
NO_BRIDGE = "no_client_available"


class Error(msgspec.Struct, frozen=True):
    """Why there is no call."""

    code: str = "dialout"
    message: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """The id of the call, or an error."""

    callid: str = ""
    error: Error | None = None


class Answer(msgspec.Struct, frozen=True):
    """The answer of a server."""

    dialout: Outcome


async def ask(world: World, token: str, request: dict[str, Any]) -> dict[str, Any]:
    """Ask for a call of a number into a room. Return an answer with a `status` or an `error`.

    Servers without a bridge are passed over.
    """

    async def work(tx: Tx) -> list[SignalingServer]:
        room = await room_store.get_room(tx, token)
        return await servers.list_servers_of(tx, world.talk_settings, room.id) if room is not None else []

    body = msgspec.json.encode({"type": "dialout", "dialout": request})
    error = Error(NO_BRIDGE, "No telephone bridge is connected.")
    for server in await world.db.read(work):
        outcome = await _ask(world, server, token, body)
        if outcome.callid:
            return {"status": {"callid": outcome.callid}}
        error = outcome.error or Error()
        if error.code != NO_BRIDGE:
            break
    return refusal(error.code, error.message)


async def _ask(world: World, server: SignalingServer, token: str, body: bytes) -> Outcome:
    try:
        answer = await post(world, server, token, body, timeout=ANSWER_SECONDS)
        return msgspec.json.decode(answer.content, type=Answer).dialout
    except outgoing.Unreachable:
        return Outcome(error=Error(NO_BRIDGE, "The signaling server cannot be reached."))
    except UNREADABLE:
        return Outcome(error=Error(message="The signaling server cannot call telephones."))


def refusal(code: str, message: str) -> dict[str, Any]:
    """Return the answer if there is no call."""
    return {"error": {"code": code, "message": message}}
