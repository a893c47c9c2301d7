"""Long messages, which buses do not carry: NATS takes 1 MB. They go in parts, each with a number of its own.

So a part that is lost is noticed like any other message.
"""

from collections.abc import Iterator

import msgspec

PART = "part"
"""The kind of a message that is a part of another one."""
MAX_BYTES = 512 * 1024
"""Longer messages go in parts of at most this length."""
MOST_INCOMPLETE = 64
"""So many messages may wait for missing parts. If there are more, the oldest are given up."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A part of a message."""

    kind: str
    """The kind of the whole message."""
    first: int
    """The number of the first part."""
    count: int
    content: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Part).decode


def cut(kind: str, content: bytes, first: int) -> Iterator[tuple[str, bytes]]:
    """Return a message as it goes over the bus: whole, or in parts that are numbered from `first`."""
    if len(content) <= MAX_BYTES:
        yield kind, content
        return
    begins = range(0, len(content), MAX_BYTES)
    for begin in begins:
        yield PART, _encode(Part(kind, first, len(begins), content[begin : begin + MAX_BYTES]))


class Parts:
    """The parts that have arrived of messages that are not complete."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, int], dict[int, bytes]] = {}

    def take(self, sender: int, to: int, number: int, content: bytes) -> tuple[str, bytes] | None:
        """Note a part, in any order. Return the kind and the content of the message once all have arrived."""
        part = _decode(content)
        key = sender, to, part.first
        found = self._found.setdefault(key, {})
        found[number] = part.content
        if len(found) == part.count:
            del self._found[key]
            return part.kind, b"".join(found[each] for each in sorted(found))
        if len(self._found) > MOST_INCOMPLETE:
            del self._found[next(iter(self._found))]
        return None
