"""Frames at the edge of the WebSocket protocol, and the codes that answer them."""

from collections.abc import Callable

import pytest

from support.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame, send
from support.people import Person
from support.running import Server
from support.sockets import Socket

Enter = Callable[..., Socket]
Open = Callable[..., Socket]


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


@pytest.mark.parametrize(
    ("content", "answered"),
    [
        (b"", 1005),
        (b"\x03\xe8", 1000),
        (b"\x03\xe9going", 1001),
        (b"\x0b\xb8", 3000),
        (b"\x13\x87", 4999),
        (b"\x03", 1002),
        (b"\x03\xe7", 1002),
        (b"\x03\xec", 1002),
        (b"\x03\xed", 1002),
        (b"\x03\xee", 1002),
        (b"\x03\xf7", 1002),
        (b"\x07\xd0", 1002),
        (b"\x13\x88", 1002),
        (b"\xff\xff", 1002),
        (b"\x03\xe8\xff", 1002),
    ],
)
def test_a_closing_is_answered_with_its_code_unless_it_is_wrong(
    open_socket: Open, content: bytes, answered: int
) -> None:
    socket = open_socket()
    send(socket, frame(content, first=0x80 | CLOSE) * 2 + frame(b"{}", first=0x80 | TEXT))
    assert socket.close_code() == answered


def test_binary_messages_are_refused_whole_and_in_parts(enter: Enter, alice: Person, token: str) -> None:
    socket = enter(alice, token)
    send(socket, frame(b'{"type":"bye"}', first=0x80 | BINARY))
    assert socket.expect("error")["code"] == "invalid_format"
    send(socket, frame(b'{"type":', first=BINARY) + frame(b'"bye"}', first=0x80 | CONTINUATION))
    assert socket.expect("error")["code"] == "invalid_format"
    assert socket.refusal("nothing") == "bad_request"


def test_a_flood_of_pings_is_cut_off(enter: Enter, alice: Person, token: str) -> None:
    socket = enter(alice, token)
    for _ in range(20):
        send(socket, frame(b"", first=0x80 | PING) * 1000)
    assert socket.close_code() in (1008, 1006), "the connection may be cut before the client reads the code"
