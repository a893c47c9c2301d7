"""Messages to other processes that wait for the database, because the bus does not carry them."""

from collections import deque
from collections.abc import Sequence

MOST_KEPT = 20_000
"""If there are more messages, the oldest are dropped, and the others read again."""
MOST_BYTES = 32 * 1024 * 1024
"""The same if they are longer together."""


class Kept:
    """The messages that are kept, oldest first."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: bytes) -> None:
        """Keep a message."""
        self._messages.append(message)
        self._bytes += len(message)
        self._drop_oldest()

    def take_all(self) -> list[bytes]:
        """Return all messages and keep none of them."""
        messages, self._messages, self._bytes = list(self._messages), deque(), 0
        return messages

    def put_back(self, messages: Sequence[bytes]) -> None:
        """Keep messages again that were taken. They are older than all others."""
        self._messages.extendleft(reversed(messages))
        self._bytes += sum(map(len, messages))
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._messages) > MOST_KEPT or self._bytes > MOST_BYTES:
            self._bytes -= len(self._messages.popleft())
