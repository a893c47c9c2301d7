"""Asking the other processes of the database, because a request for metrics reaches only one of them."""

import asyncio
import zlib
from collections.abc import Callable, Collection, Mapping
from itertools import count

import msgspec

from talkd.bus.others import Others, Process

SECONDS = 0.5
"""How long answers are awaited. Processes that do not answer are left out."""
QUESTION, ANSWER = "question", "answer"
"""The kinds of the messages."""


class Load(msgspec.Struct, frozen=True):
    """How much a process has to do."""

    requests: int
    waiting: int
    sockets: int


class _Message(msgspec.Struct, frozen=True, array_like=True):
    """A question, of which `text` is the name, or its answer."""

    number: int
    text: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Message).decode


class Colleagues:
    """Asks other processes, and answers them."""

    def __init__(self, others: Others) -> None:
        self._others = others
        self._numbers = count(1)
        self._asked: dict[int, tuple[dict[int, bytes], int, asyncio.Future[None]]] = {}
        """The answers so far to each question, how many are expected, and what is done when all have come."""
        self.answers: dict[str, Callable[[], bytes]] = {}
        """What this process answers, by the name of the question."""
        others.on(QUESTION, self._reply)
        others.on(ANSWER, self._take)

    async def ask(self, question: str, processes: Collection[Process]) -> Mapping[int, bytes]:
        """Return the answers of other processes by their numbers."""
        if not processes:
            return {}
        number, done = next(self._numbers), asyncio.get_running_loop().create_future()
        found: dict[int, bytes] = {}
        self._asked[number] = found, len(processes), done
        try:
            for each in processes:
                self._others.tell_one(each.id, QUESTION, _encode(_Message(number, question.encode())))
            await asyncio.wait((done,), timeout=SECONDS)
        finally:
            del self._asked[number]
        return found

    def _reply(self, sender: int, content: bytes) -> None:
        message = _decode(content)
        answer = self.answers.get(message.text.decode())
        if answer is not None:
            self._others.tell_one(sender, ANSWER, _encode(_Message(message.number, zlib.compress(answer(), 1))))

    def _take(self, sender: int, content: bytes) -> None:
        message = _decode(content)
        asked = self._asked.get(message.number)
        if asked is None:
            return  # too late
        found, expected, done = asked
        found[sender] = zlib.decompress(message.text)
        if len(found) == expected and not done.done():
            done.set_result(None)
