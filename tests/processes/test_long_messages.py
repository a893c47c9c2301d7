"""Long messages between processes go in parts, and frames for many sockets travel once."""

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.company import Enter, at, make_room
from support.running import Server
from talkd.bus.interface import Bus
from talkd.bus.others import Others
from talkd.bus.sockets import SocketBus
from talkd.signaling.batches import Batch

MOST = 1024 * 1024
"""What a NATS server carries, unless it is told otherwise."""


class Recorder(Bus):
    """A bus that keeps what is sent."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.sent: list[bytes] = []

    @property
    def is_connected(self) -> bool:
        return True

    async def open(self, process: int, installation: str) -> None: ...

    def send(self, message: bytes, to: int | None = None) -> None:
        self.sent.append(message)

    async def close(self) -> None: ...


@pytest.mark.parametrize("size", [10, 512 * 1024, 512 * 1024 + 1, 3 * MOST])
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_a_long_message_arrives_whole(size: int, *, is_shuffled: bool) -> None:
    bus, content = Recorder(), random.Random(size).randbytes(size)
    sender, receiver, heard = Others(bus), Others(Recorder()), []
    receiver.on("greeting", lambda _, found: heard.append(found))
    receiver.look({sender.me: sender.myself})
    sender.tell("greeting", content)
    assert all(len(each) < MOST for each in bus.sent)
    if is_shuffled:
        random.Random(1).shuffle(bus.sent)
    for each in bus.sent * 2:
        receiver.receive(each)
    assert heard == [content]


def test_a_lost_part_of_a_message_to_one_process_is_noticed() -> None:
    bus = Recorder()
    sender, receiver = Others(bus), Others(Recorder())
    heard: list[bytes] = []
    lost: list[int] = []
    receiver.on("greeting", lambda _, found: heard.append(found))
    receiver.when_lost = lost.append
    sender.tell_one(receiver.me, "greeting", bytes(3 * MOST))
    sender.tell_one(receiver.me, "greeting", b"next")
    del bus.sent[1]
    for each in bus.sent:
        receiver.receive(each)
    assert (heard, lost) == ([b"next"], [sender.me])


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5))))
def test_each_socket_gets_its_frames_in_order(added: list[tuple[int, int]]) -> None:
    frames = [bytes([each]) * 100_000 for each in range(6)]
    batch = Batch()
    for number, frame in added:
        batch.add(number, frames[frame])
    found = defaultdict(list)
    for piece in batch.cut():
        assert sum(len(content) for _, content in piece) <= 256 * 1024
        for numbers, content in piece:
            for number in numbers:
                found[number].append(content[0])
    for number in range(1, 5):
        assert found[number] == [frame for each, frame in added if each == number]


def test_frames_that_sockets_get_one_after_another_travel_once() -> None:
    frames = [b"first", b"second", b"third"]
    batch = Batch()
    for number in range(1, 51):
        for frame in frames:
            batch.add(number, frame)
    assert batch.cut() == [[(list(range(1, 51)), frame) for frame in frames]]


def test_many_long_messages_at_once_cut_nobody(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[1], bob, token)
    send, sizes = SocketBus.send, []

    def send_noting(bus: SocketBus, message: bytes, to: int | None = None) -> None:
        sizes.append(len(message))
        send(bus, message, to)

    monkeypatch.setattr(SocketBus, "send", send_noting)
    for number in range(40):
        first.say(second, [number, "x" * 60_000])
    assert [second.expect("message")["data"][0] for _ in range(40)] == list(range(40))
    at(pair[1], bob).say(token, "hello")
    assert first.event("room", "message")["data"]["chat"] == {"refresh": True}
    assert 60_000 < max(sizes) < MOST
