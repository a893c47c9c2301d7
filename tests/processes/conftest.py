"""Several servers on one PostgreSQL database, and clients with sockets at them."""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from conftest import Databases
from support.company import Company, Enter, at
from support.people import Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.bus.others import Others
from talkd.bus.sockets import SocketBus
from talkd.config import Config


def _leave(_config: Config) -> None:
    """Leave the settings as they are."""


def _knows(server: Server, count: int) -> bool:
    return len(server.app.world[Others].living) == count


@pytest.fixture
def company(databases: Databases, loop_thread: LoopThread) -> Iterator[Company]:
    """Starts servers that share a database and tell each other by Unix sockets."""
    started: list[Server] = []
    with tempfile.TemporaryDirectory(prefix="talkd-bus-") as folder:

        def start(count: int, configure: Callable[[Config], None] = _leave) -> list[Server]:
            shared = databases.config("postgres")
            configure(shared)
            for _ in range(count):
                own = msgspec.convert(msgspec.to_builtins(shared), Config)
                started.append(Server(loop_thread, own, lambda: SocketBus(Path(folder))))
            for server in started:
                server.wait_for(partial(_knows, server, len(started) - 1))
            return started

        yield start
        for server in reversed(started):
            server.stop()


@pytest.fixture
def pair(company: Company) -> tuple[Server, Server]:
    """Two servers of one database."""
    first, second = company(2)
    return first, second


@pytest.fixture
def open_at() -> Iterator[Callable[[Server], Socket]]:
    """Opens a socket at a server, closed after the test."""
    opened: list[Socket] = []

    def open_one(server: Server) -> Socket:
        opened.append(Socket(server))
        return opened[-1]

    yield open_one
    for socket in opened:
        socket.close()


@pytest.fixture
def enter_at(open_at: Callable[[Server], Socket]) -> Enter:
    """Returns a socket at a server, of somebody who has joined a room there."""

    def enter(server: Server, person: Person, token: str, *, features: tuple[str, ...] = ()) -> Socket:
        there = at(server, person)
        socket = open_at(server)
        socket.hello(there, token=token, features=features)
        socket.session = there.join(token)["sessionId"]
        socket.join(token, socket.session)
        socket.seen = socket.event("room", "join")
        return socket

    return enter
