"""Random frames of the WebSocket protocol: they leave no trace, neither in the log nor in the memory of the server."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, send
from support.people import Person
from support.running import Server
from support.sockets import Socket
from talkd.config import Config
from talkd.signaling.dispatch import Signaling

Enter = Callable[..., Socket]
Open = Callable[..., Socket]
TEXTS = (b'{"type":"bye"}', b'{"type":"hello","hello":{}}', b'{"type":"room","room":{"roomid":""}}', b"\xc3", b"")
KINDS = st.sampled_from((CONTINUATION, TEXT, TEXT, TEXT, BINARY, CLOSE, PING, PONG)) | st.integers(0, 15)
FIRST_BITS = st.sampled_from((0x80, 0x80, 0x80, 0, 0, 0xC0, 0x40, 0xF0))
"""Final or not; the other bits are for extensions, such as compression, that were not agreed on."""
SIZES = st.sampled_from((0, 0, 0, 0, 1, -1, 100_000, 2**40))
"""How much longer a frame says to be than it is."""


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame, right or wrong."""
    content = draw(st.sampled_from(TEXTS) | st.binary(max_size=150))
    return frame(
        content,
        first=draw(FIRST_BITS) | draw(KINDS),
        size=max(len(content) + draw(SIZES), 0),
        is_masked=draw(st.integers(0, 9)) > 0,
    )


@pytest.fixture
def server(databases: Any, new_server: Callable[[Config], Server]) -> Server:
    """A server that no other test uses, so that nothing else comes and goes."""
    return new_server(databases.config("sqlite"))


@pytest.fixture
def traces(server: Server) -> Callable[[], tuple[int, ...]]:
    """Returns what the server has in memory."""
    signaling = server.app.world[Signaling]

    def count() -> tuple[int, ...]:
        registry = signaling.registry
        return (
            len(signaling.sockets),
            sum(signaling._by_network.values()),
            len(signaling._tasks),
            len(registry),
            len(registry._resumable),
            len(registry._by_session),
            len(registry.list_users()),
            len(registry.list_rooms()),
            len([each for each in server.http.connections if each in signaling.sockets]),
        )

    return count


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(frames(), max_size=12), cut=st.integers(1, 400), is_member=st.booleans())
def test_random_frames_leave_no_trace(
    server: Server,
    traces: Callable[[], tuple[int, ...]],
    open_socket: Open,
    enter: Enter,
    alice: Person,
    caplog: pytest.LogCaptureFixture,
    token: str,
    sent: list[bytes],
    cut: int,
    is_member: bool,
) -> None:
    server.wait_for(lambda: not server.app.world[Signaling]._tasks)
    before = traces()
    with caplog.at_level(logging.WARNING):
        attacker = enter(alice, token) if is_member else open_socket()
        data = b"".join(sent)
        for start in range(0, len(data), cut):
            send(attacker, data[start : start + cut])
        send(attacker, frame(b'{"type":"bye"}', first=0x80 | TEXT))
        attacker.drop()
        server.wait_for(lambda: traces()[0] == before[0])
        for peer in server.app.world[Signaling].registry:
            if peer.user_id == alice.id:  # it waits until its client resumes
                server.run(_end(server, peer))
        server.wait_for(lambda: traces() == before)
    assert "Traceback" not in caplog.text
    assert "signaling_failed" not in caplog.text


async def _end(server: Server, peer: Any) -> None:
    session_id = peer.session_id
    server.app.world[Signaling].end(peer)
    server.app.world[Signaling].leave_call(session_id)
