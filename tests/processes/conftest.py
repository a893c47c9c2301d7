"""Several servers on one PostgreSQL database."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from conftest import Databases
from support.running import LoopThread, Server
from talkd.bus.sockets import SocketBus


@pytest.fixture
def company(databases: Databases, loop_thread: LoopThread) -> Iterator[Callable[[int], list[Server]]]:
    """Starts servers that share a database and tell each other by Unix sockets."""
    started: list[Server] = []
    with tempfile.TemporaryDirectory(prefix="talkd-bus-") as folder:

        def start(count: int) -> list[Server]:
            shared = databases.config("postgres")
            shared.database.connections = 5
            for _ in range(count):
                own = msgspec.convert(msgspec.to_builtins(shared), type(shared))
                started.append(Server(loop_thread, own, lambda: SocketBus(Path(folder))))
            return started

        yield start
        for server in reversed(started):
            server.stop()
