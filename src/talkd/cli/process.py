"""The running server process: file descriptors, signals, and the HTTP server around the application."""

import asyncio
import gc
import os
import resource
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from talkd.config import Config
from talkd.storage.database import DatabaseInUse

if TYPE_CHECKING:
    from granian.server.embed import Server

    from talkd.server import App

log = structlog.get_logger(__name__)

IDLE_MILLISECONDS = 90_000
"""How long an idle connection stays open: longer than in proxies, so that these never use a closed connection."""
HTTP_BUFFER = 8192
"""Buffer size of each connection in bytes. The default of granian needs twelve kilobytes more for each client."""
BACKLOG = 16_384
SPARE_CONNECTIONS = 1024
"""Connections beyond `server.max_connections`: idle ones, and those whose requests get 503 because of that limit."""
ONE_SIGNAL = 0.5
"""Seconds within which two signals count as one."""
GARBAGE = (20_000, 50, 100)
"""Thresholds of the garbage collector. talkd makes few reference cycles, and a collection stops all requests."""
DRAIN = 5.0
"""Seconds that a stopping server waits for open requests."""


def raise_file_limit() -> int:
    """Raise the limit of open files to the maximum that the system allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def address_of(host: str) -> str:
    """Return the IP address of a host name, because the HTTP server accepts only those. Raises OSError."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        reason = f"cannot listen on {host}: {error.strerror}; use an address of this machine for --host"
        raise OSError(error.errno, reason) from error


def find_listen_error(address: str, port: int) -> OSError | None:
    """Return the error of listening at an IP address and port, or None if the port is free."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error
    return None


def require_free_port(address: str, port: int) -> None:
    """Raises OSError if the server cannot listen at this IP address and port."""
    error = find_listen_error(address, port)
    if error is not None:
        reason = f"cannot listen on {address} port {port}: {error.strerror}; choose another with --host and --port"
        raise OSError(error.errno, reason) from error


def http_server(app: "App", config: Config) -> "Server":
    """Return the HTTP server (granian). It runs in the event loop of this process."""
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server.embed import Server

    tls = config.server.tls_certificate
    return Server(
        app.asgi,
        address=address_of(config.server.host),
        port=config.server.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=config.server.max_connections + SPARE_CONNECTIONS,
        http1_settings=HTTP1Settings(max_buffer_size=HTTP_BUFFER, header_read_timeout=IDLE_MILLISECONDS),
        ssl_cert=Path(tls) if tls else None,
        ssl_key=Path(config.server.tls_key) if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        # Pass its log records on to the root logger.
        log_dictconfig={
            "formatters": {},
            "handlers": {},
            "loggers": {"_granian": {"propagate": True, "filters": ["expected"]}},
            "filters": {"expected": {"()": "talkd.cli.process.Expected"}},
        },
    )


class Expected:
    """A log filter that drops the note that granian writes at every start."""

    def filter(self, record: object) -> bool:
        """Return True to keep the record."""
        return "experimental" not in str(getattr(record, "msg", ""))


async def serve_until_stopped(app: "App", config: Config) -> None:
    """Answer requests until SIGTERM, SIGINT or SIGHUP, answer the waiting requests, and return.

    A second signal ends the process at once. Signals within ONE_SIGNAL seconds count as one, because some supervisors
    signal a process and also its group. Raises DatabaseInUse if another server has taken the database.
    """
    gc.freeze()  # objects of the start stay; collecting among them caused pauses of 100 ms
    gc.set_threshold(*GARBAGE)
    server = http_server(app, config)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    first = 0.0

    def stop() -> None:
        nonlocal first
        if not stopping.is_set():
            first = loop.time()
            stopping.set()
        elif loop.time() > first + ONE_SIGNAL:
            os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # `nohup` ignores SIGHUP
            loop.add_signal_handler(number, stop)
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(stopping.wait())
    taken_over = asyncio.create_task(app.taken_over.wait())
    await asyncio.wait({serving, stopped, taken_over}, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (stopped, taken_over):
        waiting.cancel()
    if serving.done():
        await serving  # raises its error
        raise RuntimeError("the HTTP server stopped unexpectedly")
    log.info("stopping", waiting=app.world.changes.waiting)
    server.stop()  # type: ignore[no-untyped-call]  # accepts no new connections; open requests are answered
    app.world.changes.close()
    finished, _ = await asyncio.wait({serving}, timeout=DRAIN)
    if not finished:
        log.warning("stopped_with_open_requests", seconds=DRAIN)
        loop.set_exception_handler(_expect_late_end)
        serving.cancel()
    if app.taken_over.is_set():
        raise DatabaseInUse("another talkd now uses this database, so this one has stopped")


def _expect_late_end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore InvalidStateError, which the HTTP server causes when it ends after its task was cancelled."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)
