"""The HTTP server: listening sockets, TLS, the limits of connections, and the stop."""

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Callable, Sequence
from socket import socket
from typing import Any

from talkd.config_groups import ServerConfig
from talkd.web.connection import Connection
from talkd.web.deadlines import Deadlines
from talkd.web.request import Request

Application = Callable[[Request], Awaitable[None]]
WebSockets = Callable[[str, set[Any]], asyncio.Protocol | None]
"""Makes the protocol that takes over a connection whose client asks for a WebSocket at a path.

It returns None for a path without WebSockets, where the request is an ordinary one. The protocol adds itself to the set
of open connections while it is open. Its method `shutdown` closes the connection when the server stops, and `cut` ends
it at once. `connection_made` passes the transport, and `data_received` the request's head.
"""

BACKLOG = 16_384
"""Connections that may wait to be accepted, because thousands of clients may connect in the same moment."""
SPARE_CONNECTIONS = 1024
"""Connections beyond `server.max_connections`: idle ones, and those whose requests get 503 because of that limit."""
IDLE_SECONDS = 90.0
"""How long a connection may take until the head of its next request is complete. It is longer than in proxies, so that
these never use a closed connection."""
UNREAD_SECONDS = 30.0
"""How long a client may take none of the bytes that wait for it. It is checked at the end of each such period."""
LINGER_SECONDS = 5.0
"""How long a closed connection stays half open, so that a client that still sends can read the answer."""
TLS_END_SECONDS = 86_400.0
"""When asyncio cuts a connection whose end of TLS the client has not confirmed. The deadlines above come first."""
SWEEP_SECONDS = 1.0
"""Interval at which connections that took too long are closed."""
CHECK_SECONDS = 0.02
"""Interval at which a stopping server checks whether all connections are closed."""
TLS_BUFFER = 16_384
"""Size of the read buffer of a connection with TLS, which is the size of a TLS record. Python's default is 256 kB."""


class HttpServer:
    """Answers the requests of all connections with an application, in the running event loop."""

    def __init__(self, application: Application, config: ServerConfig, websockets: WebSockets | None = None) -> None:
        self.application = application
        self.websockets = websockets
        self.loop = asyncio.get_running_loop()
        self.scheme = "https" if config.speaks_tls else "http"
        self.connections: set[Any] = set()
        """The open connections, with those of WebSockets."""
        self.idle = Deadlines(IDLE_SECONDS)
        """The connections whose next request has not arrived yet."""
        self.unread = Deadlines(UNREAD_SECONDS)
        """The connections whose clients have not taken the whole answer."""
        self.lingering = Deadlines(LINGER_SECONDS)
        """The connections that are closed, but whose client still sends, or has not confirmed the end of TLS."""
        self.is_stopping = False
        self._most = config.max_connections + SPARE_CONNECTIONS
        self._tls = _tls_context(config) if config.speaks_tls else None
        self._listeners: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def sockets(self) -> list[Any]:
        """The sockets that it listens on."""
        return [each for listener in self._listeners for each in listener.sockets]

    @property
    def is_full(self) -> bool:
        """Whether there are too many connections to answer the requests of another."""
        return len(self.connections) > self._most

    async def start(self, sockets: Sequence[socket]) -> None:
        """Listen on bound sockets. Raises OSError."""
        for bound in sockets:
            listener = await self.loop.create_server(
                lambda: Connection(self),
                sock=bound,
                ssl=self._tls,
                ssl_shutdown_timeout=TLS_END_SECONDS if self._tls is not None else None,
                backlog=BACKLOG,
            )
            self._listeners.append(listener)
        self._sweep = self.loop.call_later(SWEEP_SECONDS, self._close_late)

    async def stop(self, seconds: float) -> bool:
        """Accept no new connections, and close each connection when its request is answered.

        Return False if some were still open after these seconds. They are cut off.
        """
        self.is_stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.shutdown()
        until = self.loop.time() + seconds
        while self.connections and self.loop.time() < until:  # noqa: ASYNC110 - a plain set tells nobody
            await asyncio.sleep(CHECK_SECONDS)
        if self._sweep is not None:
            self._sweep.cancel()
        is_done = not self.connections
        for connection in (*self.connections, *self.lingering):
            connection.cut()
        await asyncio.sleep(0)
        return is_done

    def _close_late(self) -> None:
        for late in self.idle.expired():
            if late.unsent:
                self.idle.add(late)
            else:
                late.cut()
        for late in self.unread.expired():
            late.require_reading()
        for late in self.lingering.expired():
            late.cut()
        self._sweep = self.loop.call_later(SWEEP_SECONDS, self._close_late)


def _tls_context(config: ServerConfig) -> ssl.SSLContext:
    SSLProtocol.max_size = TLS_BUFFER
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.tls_certificate, config.tls_key)
    return context
