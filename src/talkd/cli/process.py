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
"""How long an idle connection stays open: longer than proxies keep theirs, or they would send into a closed one."""
HTTP_BUFFER = 8192
"""Bytes kept for each connection; granian's own default costs every waiting client twelve kilobytes more."""
BACKLOG = 16_384
SPARE_CONNECTIONS = 1024
"""Connections beyond `server.max_connections` requests: idle ones, and those that are told that the server is busy."""
TOGETHER = 0.5
"""Seconds in which two signals count as one."""
GARBAGE = (20_000, 50, 100)
"""Thresholds of the garbage collector: few cycles are made here, and looking for them stops everything."""
DRAIN = 5.0
"""Seconds in which waiting requests may finish once the server has been told to stop."""


def raise_file_limit() -> int:
    """Allow as many open files as the system lets this process have; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def address_of(host: str) -> str:
    """The numeric address behind a host name, because the HTTP server binds to nothing else. Raises OSError."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        reason = f"cannot listen on {host}: {error.strerror}; give an address of this machine with --host"
        raise OSError(error.errno, reason) from error


def require_free_port(host: str, port: int) -> None:
    """Raises OSError while something else listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"cannot listen on {host} port {port}: {error.strerror}; choose another with --host and --port"
            raise OSError(error.errno, reason) from error


def http_server(app: "App", config: Config) -> "Server":
    """The HTTP server (granian) inside this process's own event loop, set up for many connections that wait."""
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
        # Its records go where ours go.
        log_dictconfig={
            "formatters": {},
            "handlers": {},
            "loggers": {"_granian": {"propagate": True, "filters": ["expected"]}},
            "filters": {"expected": {"()": "talkd.cli.process.Expected"}},
        },
    )


class Expected:
    """Keeps out what granian says at every start."""

    def filter(self, record: object) -> bool:
        """Whether a log record is news."""
        return "experimental" not in str(getattr(record, "msg", ""))


async def serve_until_stopped(app: "App", config: Config) -> None:
    """Answer requests until SIGTERM, SIGINT or SIGHUP; then let waiting ones answer, and return.

    A second signal ends the process at once, unless it comes together with the first: some supervisors signal a
    process and its group.
    """
    gc.freeze()  # what the start has made stays; looking through it again and again made pauses of 100 ms
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
        elif loop.time() > first + TOGETHER:
            os._exit(1)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # `nohup` has said to ignore it
            loop.add_signal_handler(number, stop)
    serving = asyncio.create_task(server.serve())
    told = asyncio.create_task(stopping.wait())
    taken_over = asyncio.create_task(app.taken_over.wait())
    await asyncio.wait({serving, told, taken_over}, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (told, taken_over):
        waiting.cancel()
    if serving.done():
        await serving  # raises what went wrong
        raise RuntimeError("the HTTP server has stopped by itself")
    log.info("stopping", waiting=app.world.changes.waiting)
    server.stop()  # type: ignore[no-untyped-call]  # no new connections; the requests of the others get their answer
    app.world.changes.close()
    finished, _ = await asyncio.wait({serving}, timeout=DRAIN)
    if not finished:
        log.warning("stopped_with_open_requests", seconds=DRAIN)
        loop.set_exception_handler(_expect_late_end)
        serving.cancel()
    if app.taken_over.is_set():
        raise DatabaseInUse("another talkd serves this database now, so this one has stopped")


def _expect_late_end(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle errors of the event loop: the HTTP server may say that it has ended after its task was cancelled."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)
