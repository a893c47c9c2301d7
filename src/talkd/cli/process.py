"""The running server process: file descriptors, signals, and the HTTP server around the application."""

import asyncio
import gc
import os
import resource
from collections.abc import Sequence
from socket import socket
from typing import TYPE_CHECKING

from talkd.cli.workers import ONE_SIGNAL, Post, list_stop_signals
from talkd.config import Config
from talkd.core.log import Log
from talkd.storage.database import DatabaseInUse
from talkd.web.http import HttpServer

if TYPE_CHECKING:
    from talkd.server import App

log = Log(__name__)

DRAIN = 5.0
"""Seconds that a stopping server waits for open requests."""


def raise_file_limit() -> int:
    """Raise the limit of open files to the maximum that the system allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def serve_until_stopped(app: "App", config: Config, sockets: Sequence[socket], post: Post | None = None) -> None:
    """Answer requests until SIGTERM, SIGINT or SIGHUP, answer the waiting requests, and return.

    A second signal ends the process at once. Signals within ONE_SIGNAL seconds count as one, because some supervisors
    signal a process and also its group. A worker, which has a `post`, also stops when the process that has started it
    ends. Raises DatabaseInUse if another server has taken the database.
    """
    gc.freeze()  # objects of the start stay; collecting among them caused pauses of 100 ms
    server = HttpServer(app.application, config.server, app.new_websocket)
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

    for number in list_stop_signals():
        loop.add_signal_handler(number, stop)
    await server.start(sockets)
    if post is not None:
        loop.add_reader(post.alive, stopping.set)
        os.write(post.ready, b".")
        os.close(post.ready)
    stopped = asyncio.create_task(stopping.wait())
    taken_over = asyncio.create_task(app.taken_over.wait())
    await asyncio.wait({stopped, taken_over}, return_when=asyncio.FIRST_COMPLETED)
    for waiting in (stopped, taken_over):
        waiting.cancel()
    if post is not None:
        loop.remove_reader(post.alive)
    log.info("stopping", waiting=app.world.changes.waiting)
    app.world.changes.close()
    if not await server.stop(DRAIN):
        log.warning("stopped_with_open_requests", seconds=DRAIN)
    if app.taken_over.is_set():
        raise DatabaseInUse("another talkd now uses this database, so this one has stopped")
