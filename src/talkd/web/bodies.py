"""Read the bodies of requests, and refuse bodies that are incomplete, too large or too slow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from talkd.core.errors import Invalid, TooLarge, TooSlow

Receive = Callable[[], Awaitable[Any]]

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

    __slots__ = ("_began", "_got", "_is_first", "_length", "_patience", "_receive", "has_ended", "limit")

    def __init__(self, receive: Receive, patience: float, length: int | None) -> None:
        self._receive = receive
        self._patience = patience
        self._began = asyncio.get_running_loop().time()
        self._length = length
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
            return await self._receive()
        return await self._next()

    async def read(self) -> bytes:
        """Return the rest of the body. Raises the same errors as `receive`."""
        parts = []
        while not self.has_ended:
            parts.append((await self._next()).get("body", b""))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _next(self) -> Any:
        try:
            async with asyncio.timeout_at(self._began + self._patience + self._got / LEAST_RATE):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow("body", message="The body of the request takes too long.") from None
        if message["type"] != "http.request":
            raise Invalid("body", message="The request ends before its body does.")
        self._got += len(message.get("body", b""))
        if self._got > self.limit:
            raise too_large(self.limit)
        # The HTTP server may announce more when all bytes have arrived, and Falcon then stops reading.
        self.has_ended = self._got == self._length or not message.get("more_body")
        return message

    async def hang_up(self) -> None:
        """Wait until the client has disconnected. Call this only after the body was read."""
        while (await self._receive())["type"] == "http.request":
            pass


def too_large(limit: int) -> TooLarge:
    """Return the error for a body above the limit."""
    return TooLarge("body", message=f"A request may have at most {limit} bytes.")


def length_of(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of the request's body, 0 for none, or None for a chunked body.

    ASGI gives header names in lower case, and the HTTP server has checked the values.
    """
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length
