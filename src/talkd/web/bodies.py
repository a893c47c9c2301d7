"""The bodies of requests: complete, small enough and in time, or refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from talkd.core.errors import Invalid, TooLarge, TooSlow

Receive = Callable[[], Awaitable[Any]]

BODY = "talkd.body"
"""Key of the ASGI scope for the `Body` of a request that has one."""
LEAST_RATE = 8192
"""Bytes a second of a body at least, on average, once its first seconds are over."""
_NOTHING_YET = {"type": "http.request", "body": b"", "more_body": True}


class Body:
    """The ASGI messages of a request's body, between the HTTP server and Falcon.

    Falcon takes a disconnect for the end of the body. Here it raises Invalid, so that half a request is not carried
    out.
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
        """Whether the body was read to its end."""
        self.limit = 0
        """Bytes that are read at most."""

    async def receive(self) -> Any:
        """Return the next ASGI message.

        The first one is empty and comes at once: Falcon looks for the route when it has it. Raises Invalid if the
        client ends the connection before the body, TooLarge beyond the limit, and TooSlow if the body takes too long.
        """
        if self._is_first:
            self._is_first = False
            return _NOTHING_YET
        if self.has_ended:
            return await self._receive()
        return await self._next()

    async def read(self) -> bytes:
        """Return all that is left of the body. Raises what `receive` raises."""
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
        # The HTTP server may say that there is more when all bytes are here, and Falcon does not ask for it then.
        self.has_ended = self._got == self._length or not message.get("more_body")
        return message

    async def hang_up(self) -> None:
        """Return when the client has hung up; only to be used after the body."""
        while (await self._receive())["type"] == "http.request":
            pass


def too_large(limit: int) -> TooLarge:
    """Return the refusal of a body above the limit."""
    return TooLarge("body", message=f"A request may have {limit} bytes at most.")


def length_of(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return the length of the request's body, 0 without one; None if it comes in chunks.

    The names are in lower case, as ASGI has them, and the HTTP server has checked the values.
    """
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)
    return length
