"""Ask a telephone bridge, an internal client with the feature `start-dialout`, to call a number."""

import asyncio
from typing import Any

from talkd.core import ids
from talkd.signaling import messages
from talkd.signaling.peer import Peer
from talkd.signaling.registry import Registry

START_DIALOUT = "start-dialout"
ANSWER_SECONDS = 20.0
"""How long a bridge may take to accept or refuse a call."""
ID_LENGTH = 32


class Dialouts:
    """The requests to bridges that are not answered yet, by their ids."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._asked: dict[str, tuple[Peer, asyncio.Future[dict[str, Any]]]] = {}

    async def ask(self, token: str, request: dict[str, Any]) -> dict[str, Any]:
        """Ask a bridge to call a number into a room. Return its answer, which has a `status` or an `error`."""
        bridge = next((peer for peer in self._registry if peer.is_internal and START_DIALOUT in peer.features), None)
        if bridge is None:
            return _error("no_client_available", "No telephone bridge is connected.")
        number, answer = ids.text(ID_LENGTH), asyncio.get_running_loop().create_future()
        self._asked[number] = bridge, answer
        bridge.send(
            messages.reply("internal", {"type": "dialout", "dialout": {"roomid": token, "request": request}}, number)
        )
        try:
            return await asyncio.wait_for(answer, ANSWER_SECONDS)
        except TimeoutError:
            return _error("timeout", "The telephone bridge does not answer.")
        finally:
            del self._asked[number]

    def take(self, bridge: Peer, number: str, content: dict[str, Any]) -> None:
        """Take the answer of a bridge to the request with this id. Other answers are ignored."""
        asked, answer = self._asked.get(number, (None, None))
        if asked is bridge and answer is not None and not answer.done():
            answer.set_result(content)


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
