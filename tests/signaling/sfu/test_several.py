"""Several gateways: each takes its part of the streams, and the others take over when one is gone."""

from collections.abc import Callable, Iterator

import pytest

from conftest import Databases
from support.janus import SECRET, Janus, await_gateways
from support.media import Media
from support.parts import GATEWAY
from support.people import Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.signaling.dispatch import Signaling
from talkd.signaling.sfu.janus import ANSWER_SECONDS


@pytest.fixture
def second_janus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Janus]:
    """Another gateway."""
    with Janus(GATEWAY.find("janus"), tmp_path_factory.mktemp("janus")) as running:
        yield running


@pytest.fixture
def server(databases: Databases, loop_thread: LoopThread, janus: Janus, second_janus: Janus) -> Iterator[Server]:
    """A server with both gateways."""
    config = databases.config("sqlite")
    config.calls.janus, config.calls.janus_secret = [janus.url, second_janus.url], SECRET
    running = Server(loop_thread, config)
    await_gateways(running, 2)
    yield running
    running.close_clients()
    running.stop()


def test_the_gateways_share_the_streams(
    call: Callable[..., Media],
    idle_janus: Janus,
    second_janus: Janus,
    alice: Person,
    bob: Person,
    token: str,
) -> None:
    first, second = call(alice, token), call(bob, token)
    first.publish(kinds=("audio",))
    second.publish(kinds=("audio",))
    assert (idle_janus.count_streams(), second_janus.count_streams()) == (1, 1)
    second.receive(first.socket)


def test_another_gateway_takes_over(
    call: Callable[..., Media],
    media: Callable[[Socket], Media],
    open_socket: Callable[..., Socket],
    janus: Janus,
    second_janus: Janus,
    alice: Person,
    bob: Person,
    token: str,
) -> None:
    first, second = call(alice, token), call(bob, token)
    first.publish(kinds=("audio",))
    second.publish(kinds=("audio",))
    second_janus.kill()
    second.socket.close_code()
    again = open_socket()
    again.hello(bob, token=token)
    again.join(token, second.socket.session)
    media(again).publish(kinds=("audio",))
    first.receive(again)


def test_a_gateway_that_does_not_answer_stalls_only_who_is_on_it(
    call: Callable[..., Media],
    media: Callable[[Socket], Media],
    open_socket: Callable[..., Socket],
    loop_thread: LoopThread,
    server: Server,
    second_janus: Janus,
    alice: Person,
    bob: Person,
    token: str,
) -> None:
    first, second = call(alice, token), call(bob, token)
    first.publish(kinds=("audio",))
    second_janus.freeze()
    offer = {"roomType": "video", "payload": {"type": "offer", "sdp": f"v=0\r\nm=audio 9 {' ' * 50_000}"}}
    for _ in range(20):
        second.socket.tell(second.socket.id, "offer", **offer)
    assert second.socket.code_for(second.socket.id, "offer", **offer) == "too_many_requests"
    with loop_thread.still_clock() as move:

        async def is_slow_by_now() -> bool:
            move(0.1)
            sfu = server.app.world[Signaling].sfu
            return sfu is not None and sfu.gateways[1].is_slow

        server.wait_for(lambda: server.run(is_slow_by_now()))
        first.publish("screen", sid="screen", kinds=("audio",))
        move(ANSWER_SECONDS)
        second.socket.close_code()
    again = open_socket()
    again.hello(bob, token=token)
    again.join(token, second.socket.session)
    media(again).publish(kinds=("audio",))
    first.receive(again)
