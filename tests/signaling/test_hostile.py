"""Clients that break the protocol on purpose or by accident. Others do not notice them."""

import contextlib
import json
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from support.people import Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.signaling import websocket
from talkd.signaling.websocket import UNREAD_SECONDS

Enter = Callable[..., Socket]
Open = Callable[..., Socket]
BAD = "invalid_format"
KINDS = ("hello", "room", "message", "control", "transient", "internal", "bye", "nothing", "", "type")
TEXTS = st.text(max_size=40) | st.sampled_from(["\x00", "session", "room", "call", "user", "set", "remove", "offer"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
NAMES = ("type", "id", "recipient", "sessionid", "userid", "data", "key", "value", "ttl", "roomid", "version", "auth")
FIELDS = st.sampled_from((*NAMES, "params", "resumeid", "features", "payload", "sdp"))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | TEXTS, inner, max_size=6),
    max_leaves=12,
)


@st.composite
def messages(draw: st.DrawFn) -> str:
    """A message that has about the form of the protocol."""
    kind = draw(st.sampled_from(KINDS))
    content = draw(VALUES | st.dictionaries(FIELDS, VALUES, max_size=6))
    if kind in ("message", "control") and draw(st.booleans()):
        recipient = {"type": draw(st.sampled_from(("session", "user", "room", "call"))), "sessionid": "x"}
        content = {"recipient": recipient, "data": content}
    return json.dumps({"type": kind, kind: content, "id": draw(LEAVES)})


@pytest.fixture
def pair(enter: Enter, alice: Person, bob: Person, token: str) -> tuple[Socket, Socket]:
    """The sockets of a moderator and a member of one room."""
    return enter(alice, token), enter(bob, token)


def raw(socket: Socket, *pieces: bytes) -> None:
    """Send bytes as they are. The client's own answers to pings do not come in between."""
    with socket.connection.protocol_mutex:
        for piece in pieces:
            socket.connection.socket.sendall(piece)


def text_frame(data: bytes, *, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    """Return a frame of a client, with a mask of zeros."""
    size = len(data)
    length = bytes((0x80 | size,)) if size < 126 else b"\xff" + size.to_bytes(8, "big")
    return bytes((fin << 7 | opcode,)) + length + bytes(4) + data


def is_served(first: Socket, second: Socket) -> bool:
    """Return True if messages still go from one client to the other."""
    first.say(second, "still here")
    return bool(second.expect("message")["data"] == "still here")


def attack(attacker: Socket, sent: list[str]) -> list[dict[str, Any]]:
    """Send these messages and leave. Return the answers, or none if the server has closed the connection."""
    try:
        for message in sent:
            attacker.send_raw(message)
        answers = attacker.drain()
    except ConnectionClosed:
        answers = []
    attacker.close()
    return answers


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(messages() | st.text(max_size=60).filter(lambda text: text.isprintable()), max_size=20))
def test_no_message_breaks_the_server(
    open_socket: Open, pair: tuple[Socket, Socket], caplog: pytest.LogCaptureFixture, sent: list[str]
) -> None:
    attacker = open_socket()
    with caplog.at_level(logging.WARNING):
        answers = attack(attacker, sent)
        assert is_served(*pair)
    assert not [each for each in answers if each["type"] == "error" and each["error"]["code"] == "internal_error"]
    assert "signaling_failed" not in caplog.text
    assert "Traceback" not in caplog.text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(messages(), max_size=20))
def test_no_message_of_a_member_breaks_the_server(
    enter: Enter,
    pair: tuple[Socket, Socket],
    second_device: Callable[[Person], Person],
    bob: Person,
    token: str,
    caplog: pytest.LogCaptureFixture,
    sent: list[str],
) -> None:
    attacker = enter(second_device(bob), token)
    with caplog.at_level(logging.WARNING):
        answers = attack(attacker, sent)
        first, second = pair
        first.drain(), second.drain()
        assert is_served(first, second)
    assert not [each for each in answers if each["type"] == "error" and each["error"]["code"] == "internal_error"]
    assert "signaling_failed" not in caplog.text
    assert "Traceback" not in caplog.text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(st.binary(max_size=200), max_size=8))
def test_no_bytes_break_the_server(
    open_socket: Open, pair: tuple[Socket, Socket], caplog: pytest.LogCaptureFixture, sent: list[bytes]
) -> None:
    attacker = open_socket()
    with caplog.at_level(logging.WARNING):
        with contextlib.suppress(OSError):
            for data in sent:
                raw(attacker, data)
        attacker.drop()
        assert is_served(*pair)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (text_frame(b'{"type":"\xff"}'), 1007),
        (text_frame(b'{"type":"message","message":{"recipient":{"type":"room"},"data":"\xc3"}}'), 1007),
        (text_frame(b"{" + b" " * 65_536), 1009),
        (text_frame(b"x" * 40_000, fin=False) + text_frame(b"x" * 40_000, opcode=Opcode.CONT), 1009),
        (b"\x81\xff" + (2**62).to_bytes(8, "big"), 1009),
        (b"\x81\x02{}", 1002),
        (b"\xc1\x80aaaa", 1002),
        (b"\x83\x80aaaa", 1002),
        (text_frame(b"x", opcode=Opcode.CONT), 1002),
        (text_frame(b"x", fin=False) + text_frame(b"y"), 1002),
        (b"\x09\x80aaaa", 1002),
        (b"\x89\xfe\x00\x7eaaaa", 1002),
    ],
    ids=(
        "not UTF-8",
        "not UTF-8 in data",
        "too long",
        "too long in parts",
        "much too long",
        "no mask",
        "reserved bit",
        "unknown kind",
        "a part without a beginning",
        "a message within another",
        "a ping in parts",
        "a long ping",
    ),
)
def test_a_broken_frame_closes_the_connection(pair: tuple[Socket, Socket], data: bytes, code: int) -> None:
    first, second = pair
    raw(second, data)
    assert second.close_code() == code
    assert not [each for each in first.drain() if each["type"] == "message"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", BAD),
        ("[]", BAD),
        ("[" * 30_000, BAD),
        ('{"type":5}', BAD),
        ('{"type":"nothing"}', "bad_request"),
        ('{"type":"message"}', "bad_request"),
        ('{"type":"message","message":{"recipient":{"type":"else"},"data":1}}', "bad_request"),
        ('{"type":"message","message":{"recipient":{"type":"call"},"data":{"type":"offer","a":1e999}}}', BAD),
        ('{"type":"transient","transient":{"type":"set","key":"a","ttl":' + "9" * 400 + "}}", BAD),
        ('{"type":"room","room":{"roomid":"\\u0000"}}', BAD),
        ('{"type":"internal","internal":{"type":"incall"}}', "not_allowed"),
    ],
    ids=(
        "empty",
        "a list",
        "deep",
        "type is a number",
        "unknown type",
        "no content",
        "unknown recipient",
        "a number out of range",
        "a lifetime out of range",
        "a NUL",
        "internal",
    ),
)
def test_a_wrong_message_is_refused_with_its_code(pair: tuple[Socket, Socket], message: str, code: str) -> None:
    _, second = pair
    second.send_raw(message)
    assert second.expect("error")["code"] == code
    assert is_served(*pair)


def test_a_message_in_many_pieces_arrives(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    recipient = {"type": "session", "sessionid": second.id}
    message = json.dumps({"type": "message", "message": {"recipient": recipient, "data": "ü 😀"}}, ensure_ascii=False)
    data = message.encode()
    frames = text_frame(data[:10], fin=False) + text_frame(b"", opcode=Opcode.PING)
    for place in range(10, len(data)):
        frames += text_frame(data[place : place + 1], opcode=Opcode.CONT, fin=place == len(data) - 1)
    raw(first, *(frames[place : place + 3] for place in range(0, len(frames), 3)))
    assert second.expect("message")["data"] == "ü 😀"


def test_a_flood_is_refused_and_then_cut_off(pair: tuple[Socket, Socket], enter: Enter, carol: Person) -> None:
    first, second = pair
    recipient = {"type": "session", "sessionid": "nobody"}
    message = json.dumps({"type": "message", "message": {"recipient": recipient, "data": 1}}).encode()
    frames = text_frame(message) * 1000
    with contextlib.suppress(OSError):
        for _ in range(20):
            raw(second, frames)
    codes = set()
    with contextlib.suppress(ConnectionClosed):
        while True:
            said = json.loads(second.connection.recv(timeout=10))
            if said["type"] == "error":  # the room also tells what happens in it
                codes.add(said["error"]["code"])
    assert codes == {"too_many_requests"}
    third = enter(carol, carol.create_room())
    assert third.id
    first.drain()


def test_a_hundred_messages_in_one_packet_keep_their_order(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    recipient = {"type": "session", "sessionid": second.id}
    raw(
        first,
        b"".join(
            text_frame(json.dumps({"type": "message", "message": {"recipient": recipient, "data": number}}).encode())
            for number in range(100)
        ),
    )
    assert [second.expect("message")["data"] for _ in range(100)] == list(range(100))


def test_a_client_that_does_not_read_is_dropped(server: Server, pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    unread = server.peer(second.id)
    text = "x" * 60_000
    for _ in range(400):
        first.say(second, text)
        if unread.line is None:
            break
    server.wait_for(lambda: unread.line is None)
    first.drain()


def test_many_clients_that_do_not_read_share_the_memory(
    server: Server, pair: tuple[Socket, Socket], enter: Enter, carol: Person, token: str, alice: Person
) -> None:
    first, second = pair
    alice.add(token, carol)
    third = enter(carol, token)
    lines: list[Any] = [server.peer(each.id).line for each in (second, third)]
    size, together = 60_000, 400_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(websocket, "MAX_UNSENT_TOGETHER", together)
        while any(line.is_open for line in lines):
            first.send("message", recipient={"type": "room"}, data="x" * size)
            first.drain()
            assert sum(line.unsent for line in lines if line.is_open) < together + 2 * size


def test_a_client_that_takes_nothing_for_long_is_dropped(
    server: Server, loop_thread: LoopThread, pair: tuple[Socket, Socket]
) -> None:
    first, second = pair
    line: Any = server.peer(second.id).line
    # Otherwise the system lets the buffer of a client that has read much grow, and takes everything for it.
    second.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)

    size = 60_000
    more_than_fits = (Socket.max_unread or 0) * size + 500_000  # what the client reads before anybody asks for it

    def write_more_than_fits() -> None:
        while line.unsent < more_than_fits:
            first.say(second, "x" * size)
            first.drain()
            move(0.01)  # it does not send too much in one moment

    def let_pass(seconds: float) -> None:
        with contextlib.suppress(ConnectionClosed):
            second.send("nothing")  # it is not silent
        server.wait_for(lambda: not line.is_open or line.heard_at == server.loop_thread.loop.time())
        move(seconds)
        server.run_job("sweep_signaling")

    with loop_thread.still_clock() as move:
        write_more_than_fits()
        server.run_job("sweep_signaling")
        let_pass(UNREAD_SECONDS - 1)
        while line.unsent:
            with contextlib.suppress(TimeoutError):  # it may have taken the rest by itself
                second.connection.recv(timeout=1)
        server.run_job("sweep_signaling")
        write_more_than_fits()
        let_pass(UNREAD_SECONDS - 1)
        assert line.is_open, "it has taken everything in the meantime"
        for _ in range(2 * (Socket.max_unread or 0)):  # the client still reads so many messages by itself
            if line.is_open:
                let_pass(UNREAD_SECONDS + 1)
        assert not line.is_open


def test_a_client_whose_sessions_are_forgotten_does_not_lock_out_its_network(open_socket: Open, alice: Person) -> None:
    for _ in range(20):
        assert open_socket().refusal("hello", version="1.0", resumeid="unknown") == "no_such_session"
    open_socket().hello(alice)


def test_values_of_a_room_are_bounded(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    assert second.refusal("transient", type="set", key=f"sd:{second.id}", value="x" * 9_000) == "not_allowed"
    for number in range(17):
        first.send("transient", type="set", key=str(number), value="x" * 60_000)
    first.send("transient", type="set", key="last", value="x" * 60_000)
    assert first.expect("error")["code"] == "not_allowed"
