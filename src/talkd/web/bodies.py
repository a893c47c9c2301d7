"""Read the bodies of requests, and refuse bodies that are incomplete, too large or too slow."""

import asyncio
from typing import Any

from talkd.core.errors import Invalid, TooLarge, TooSlow
from talkd.web.request import Request

BODY = "talkd.body"
"""Key of the ASGI scope for the `Body` of a request that has one."""
LEAST_RATE = 8192
"""Bytes per second that a body must average after its first seconds."""
_NOTHING_YET = {"type": "http.request", "body": b"", "more_body": True}


class Body:
    """Passes the ASGI messages of a request's body from the HTTP server to Falcon.

    Falcon would treat a disconnect as the end of the body, and run an operation with half of its parameters. Here a
    disconnect raises Invalid.
    """

    __slots__ = ("_began", "_got", "_is_first", "_patience", "_request", "has_ended", "limit")

    def __init__(self, request: Request, patience: float) -> None:
        self._request = request
        self._patience = patience
        self._began = asyncio.get_running_loop().time()
        self._got = 0
        self._is_first = True
        self.has_ended = False
        """Whether the whole body was read."""
        self.limit = 0
        """Maximum size of the body in bytes."""

    async def receive(self) -> Any:
        """Return the next ASGI message.

        The first message is empty and immediate, because Falcon needs it before it looks for the route. Raises Invalid
        if the client disconnects before the end of the body, TooLarge above the limit, and TooSlow after the timeout.
        """
        if self._is_first:
            self._is_first = False
            return _NOTHING_YET
        if self.has_ended:
            return await self._request.receive()
        return await self._next()

    async def read(self) -> bytes:
        """Return the rest of the body. Raises the same errors as `receive`."""
        parts = []
        while not self.has_ended:
            parts.append((await self._next()).get("body", b""))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _next(self) -> Any:
        message = self._request.take()
        if message is None:
            try:
                async with asyncio.timeout_at(self._began + self._patience + self._got / LEAST_RATE):
                    message = await self._request.receive()
            except TimeoutError:
                raise TooSlow("body", message="The body of the request takes too long.") from None
        if message["type"] != "http.request":
            raise Invalid("body", message="The request ends before its body does.")
        self._got += len(message["body"])
        if self._got > self.limit:
            raise too_large(self.limit)
        self.has_ended = not message["more_body"]
        return message


def too_large(limit: int) -> TooLarge:
    """Return the error for a body above the limit."""
    return TooLarge("body", message=f"A request may have at most {limit} bytes.")
