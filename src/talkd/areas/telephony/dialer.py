"""Where a client that can call telephones is reached."""

from collections.abc import Awaitable, Callable
from typing import Any


class Dialer:
    """Knows how to ask a bridge for a call. The signaling server fills it in (`signaling/dialout.py`)."""

    def __init__(self) -> None:
        self.ask: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]] = _ask_nobody


async def _ask_nobody(_token: str, _request: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": "no_client_available", "message": "No telephone bridge is connected."}}
