"""Read the bodies of requests, and refuse bodies that are incomplete, too large or too slow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from talkd.core.errors import Invalid, TooLarge, TooSlow
from talkd.web.request import Request

LEAST_RATE = 8192
"""Bytes per second that a body must average after its first seconds."""


class Body:
    """Reads the body of a request. `limit` is its maximum size in bytes, and `patience` the seconds it may take."""

    __slots__ = ("_began", "_got", "_limit", "_patience", "_request")

    def __init__(self, request: Request, limit: int, patience: float, began: float) -> None:
        self._request = request
        self._limit = limit
        self._patience = patience
        self._began = began
        self._got = 0

    async def read(self) -> bytes:
        """Return the rest of the body.

        Raises Invalid if the client disconnects before the end of the body, TooLarge above the limit, and TooSlow after
        the timeout.
        """
        parts = []
        while (part := await self._next()) is not None:
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def length(self) -> int | None:
        """The announced size in bytes, or None."""
        return self._request.length

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body part by part. Raises the same errors as `read`, and TooLarge at once if it is announced."""
        if (self.length or 0) > self._limit:
            raise too_large(self._limit)
        while (part := await self._next()) is not None:
            yield part

    async def receive(self) -> Any:
        """Return the next part as an ASGI message. Raises the same errors as `read`."""
        part = await self._next()
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def _next(self) -> bytes | None:
        """Return the next part of the body, or None after its end."""
        request = self._request
        while (part := request.take()) is None:
            if request.has_ended:
                return None
            if request.is_gone:
                raise Invalid("body", message="The request ends before its body does.")
            try:
                async with asyncio.timeout_at(self._began + self._patience + self._got / LEAST_RATE):
                    await request.wait()
            except TimeoutError:
                raise TooSlow("body", message="The body of the request takes too long.") from None
        self._got += len(part)
        if self._got > self._limit:
            raise too_large(self._limit)
        return part


def too_large(limit: int) -> TooLarge:
    """Return the error for a body above the limit."""
    return TooLarge("body", message=f"A request may have at most {limit} bytes.")
