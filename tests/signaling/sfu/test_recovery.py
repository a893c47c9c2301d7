"""Gateways and servers that fail: nothing is left behind, and nobody else waits."""

from collections.abc import Callable
from pathlib import Path

from support.janus import SECRET, Janus, cut
from support.media import Media
from support.people import PUBLIC, Person
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD, Server
from support.sockets import Socket
from talkd.config import Config

Call = Callable[..., Media]


def test_a_killed_server_leaves_nothing_in_the_gateway(
    idle_janus: Janus, media: Callable[[Socket], Media], new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    rooms = len(idle_janus.list_rooms())
    settings = {"CALLS_JANUS": idle_janus.url, "CALLS_JANUS_SECRET": SECRET}
    with Process(tmp_path, **settings) as process:
        person = Person(process.client(ADMIN, ADMIN_PASSWORD), ADMIN)
        token = person.create_room(PUBLIC)
        socket = Socket(process)
        socket.hello(person, token=token)
        socket.join(token, person.join(token)["sessionId"])
        person.post(f"v4/call/{token}", flags=7)
        media(socket).publish(kinds=("audio",))
        process.kill()
    idle_janus.await_streams(0)
    assert len(idle_janus.list_rooms()) == rooms + 1
    config = Config(data=str(tmp_path))
    config.calls.janus, config.calls.janus_secret = [idle_janus.url], SECRET
    new_server(config)
    idle_janus.await_rooms(rooms)


def test_a_lost_connection_leaves_nothing_in_the_gateway(
    call: Call, idle_janus: Janus, server: Server, alice: Person, token: str
) -> None:
    rooms = len(idle_janus.list_rooms())
    first = call(alice, token)
    first.publish(kinds=("audio",))
    assert (len(idle_janus.list_rooms()), idle_janus.count_streams()) == (rooms + 1, 1)
    cut(server)
    first.socket.close_code()
    idle_janus.await_rooms(rooms)
    idle_janus.await_streams(0)
