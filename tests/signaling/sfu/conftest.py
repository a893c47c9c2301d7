"""Servers whose clients send media to a Janus gateway."""

from collections.abc import Callable, Iterator

import pytest

from conftest import DATABASES, PATIENCE_SECONDS, Databases
from support.janus import SECRET, Janus, await_gateways
from support.media import Media
from support.people import Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.signaling.dispatch import RESUME_SECONDS

Call = Callable[..., Media]


@pytest.fixture
def idle_janus(janus: Janus) -> Janus:
    """The gateway, once the streams of earlier tests have ended, at the latest with the sessions of their clients."""
    janus.await_streams(0, seconds=RESUME_SECONDS + 10)
    return janus


@pytest.fixture(scope="session")
def sfu_servers(databases: Databases, loop_thread: LoopThread, janus: Janus) -> Iterator[Callable[[str], Server]]:
    """Returns the server for a kind of database."""
    started: dict[str, Server] = {}

    def get(kind: str) -> Server:
        if kind not in started:
            config = databases.config(kind)
            config.database.connection_timeout = PATIENCE_SECONDS
            config.calls.janus, config.calls.janus_secret = [janus.url], SECRET
            started[kind] = Server(loop_thread, config)
            await_gateways(started[kind], 1)
        return started[kind]

    yield get
    for server in started.values():
        server.stop()


@pytest.fixture(params=DATABASES)
def server(request: pytest.FixtureRequest, sfu_servers: Callable[[str], Server]) -> Iterator[Server]:
    """A running server on each database, with a gateway."""
    running = sfu_servers(request.param)
    yield running
    running.close_clients()


@pytest.fixture
def media_loop() -> Iterator[LoopThread]:
    """The event loop of the clients' media."""
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture
def media(media_loop: LoopThread) -> Iterator[Callable[[Socket], Media]]:
    """Returns the media of a client."""
    opened: list[Media] = []

    def open_media(socket: Socket) -> Media:
        opened.append(Media(socket, media_loop))
        return opened[-1]

    yield open_media
    for each in opened:
        each.close()


@pytest.fixture
def call(enter: Callable[..., Socket], media: Callable[[Socket], Media]) -> Call:
    """Returns the media of a person who has joined a room and its call."""

    def join(person: Person, token: str) -> Media:
        socket = enter(person, token)
        person.post(f"v4/call/{token}", flags=7)
        return media(socket)

    return join
