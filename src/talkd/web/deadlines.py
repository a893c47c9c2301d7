"""When the server ends connections by itself: their deadlines, and what their clients have not taken."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkd.web.connection import Connection


class Deadlines:
    """Connections that all have the same number of seconds for something, in the order of their deadlines."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._time = asyncio.get_running_loop().time
        self._until: dict[Connection, float] = {}

    def __iter__(self) -> Iterator["Connection"]:
        return iter(list(self._until))

    def __contains__(self, connection: "Connection") -> bool:
        return connection in self._until

    def add(self, connection: "Connection") -> None:
        """Start the time of a connection anew."""
        self._until.pop(connection, None)
        self._until[connection] = self._time() + self._seconds

    def discard(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._until.pop(connection, None)

    def expired(self) -> list["Connection"]:
        """Return the connections whose time has passed, and forget them."""
        found, now = [], self._time()
        for connection, until in self._until.items():
            if until > now:
                break
            found.append(connection)
        for connection in found:
            del self._until[connection]
        return found


def unsent_of(transport: asyncio.Transport) -> int:
    """Return the bytes that wait for a client. With TLS most of them are in the buffer of the transport below."""
    below = getattr(transport, "_ssl_protocol", None)
    encrypted = below._transport if below is not None else None
    return transport.get_write_buffer_size() + (encrypted.get_write_buffer_size() if encrypted is not None else 0)
