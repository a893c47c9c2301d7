"""Telephone calls from a room: ask a bridge to call a number, and tell the room how the calls go.

The bridge is an internal client with the feature `start-dialout`, of this server or of an external one.
"""

import asyncio
from typing import Any

import msgspec

from talkd.core import ids
from talkd.core.json import UNREADABLE
from talkd.signaling import messages, transient
from talkd.signaling.announcing import send_to
from talkd.signaling.external import dialout as external
from talkd.signaling.messages import Refused
from talkd.signaling.peer import Peer
from talkd.signaling.registry import Registry
from talkd.web.call import World

START_DIALOUT = "start-dialout"
ANSWER_SECONDS = 20.0
"""How long a bridge may take to accept or refuse a call."""
ID_LENGTH = 32
OVER = ("cleared", "rejected")
"""The last states of a call."""


class Status(msgspec.Struct, frozen=True):
    """The state of a call."""

    callid: str
    status: str = ""


class Dialout(msgspec.Struct, frozen=True):
    """What a bridge says about a call from the room `roomid`: its state, or why there is none."""

    roomid: str = ""
    status: msgspec.Raw = messages.RAW_NULL
    error: msgspec.Raw = messages.RAW_NULL


class Dialouts:
    """The requests to bridges that are not answered yet, by their ids."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world, self._registry = world, registry
        self._asked: dict[str, tuple[Peer, asyncio.Future[dict[str, Any]]]] = {}

    async def ask(self, token: str, request: dict[str, Any]) -> dict[str, Any]:
        """Ask a bridge to call a number into a room. Return its answer, which has a `status` or an `error`."""
        if self._world.talk_settings.signaling.servers:
            return await external.ask(self._world, token, request)
        bridge = next((peer for peer in self._registry if peer.is_internal and START_DIALOUT in peer.features), None)
        if bridge is None:
            return external.refusal(external.NO_BRIDGE, "No telephone bridge is connected.")
        number, answer = ids.text(ID_LENGTH), asyncio.get_running_loop().create_future()
        self._asked[number] = bridge, answer
        bridge.send(
            messages.reply("internal", {"type": "dialout", "dialout": {"roomid": token, "request": request}}, number)
        )
        try:
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            return external.refusal("timeout", "The telephone bridge does not answer.")
        finally:
            del self._asked[number]

    def take(self, bridge: Peer, number: str, content: msgspec.Raw) -> None:
        """Take what a bridge says about a call: the answer to the request with this id, or news.

        The room learns the state of a call as transient data, and an error that is no answer as a message. Raises
        Refused.
        """
        try:
            said = msgspec.json.decode(content, type=Dialout)
            status = msgspec.json.decode(said.status, type=Status | None)
            answer = msgspec.json.decode(content, type=dict[str, Any])
        except UNREADABLE as error:
            raise Refused("invalid_format", "The message does not have the form of a dialout message.") from error
        asked, waiting = self._asked.get(number, (None, None))
        if asked is bridge and waiting is not None and not waiting.done():
            waiting.set_result(answer)
        room = self._registry.find_room_named(said.roomid)
        if room is not None and status is not None:
            transient.set_call_status(room, status.callid, said.status, is_over=status.status in OVER)
        elif room is not None and asked is not bridge:
            send_to(room.list_present(), messages.reply("dialout", {"type": "error", "error": said.error}))
