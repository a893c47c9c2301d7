"""The HTTP server: listening sockets, TLS, and HTTP/1 on each connection (uvicorn)."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from socket import socket
from typing import Any, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from talkd.config import ServerConfig

BACKLOG = 16_384
"""Connections that may wait to be accepted, because thousands of clients may connect in the same moment."""
IDLE_SECONDS = 90
"""How long an idle connection stays open: longer than in proxies, so that these never use a closed connection."""
POLL_SECONDS = 0.02


class HttpServer:
    """Answers the requests of all connections with an ASGI application, in the running event loop.

    `websocket` returns the protocol that takes over a connection which asks for a WebSocket. uvicorn calls it with
    `config`, `server_state` and `app_state`, and passes the transport and the request's head to the protocol.
    """

    def __init__(
        self, app: Any, config: ServerConfig, websocket: Callable[..., asyncio.Protocol] | None = None
    ) -> None:
        self._tls = _tls_context(config) if config.tls_certificate else None
        self._config = Config(
            app,
            http=HttpToolsProtocol,
            ws=cast("type[asyncio.Protocol]", websocket) if websocket is not None else "none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_SECONDS,
        )
        self._config.load()
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket]) -> None:
        """Listen on bound sockets. Raises OSError."""
        loop = asyncio.get_running_loop()
        for bound in sockets:
            server = await loop.create_server(self._connection, sock=bound, ssl=self._tls, backlog=BACKLOG)
            self._servers.append(server)

    async def stop(self, seconds: float) -> bool:
        """Accept no new connections, and close each connection when its request is answered.

        Return False if some connections were still open after these seconds. They are cut off.
        """
        for server in self._servers:
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._state.connections and loop.time() < until:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(POLL_SECONDS)
        is_done = not self._state.connections
        for connection in list(self._state.connections):
            connection.transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        return is_done

    def _connection(self) -> HttpToolsProtocol:
        return HttpToolsProtocol(self._config, self._state, {})


def _tls_context(config: ServerConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.tls_certificate, config.tls_key)
    return context
