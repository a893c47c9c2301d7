"""A client's connection, as those who handle its messages see it: a socket of this process, or of another one."""

import abc
import asyncio
from collections import deque
from typing import TYPE_CHECKING

from talkd.signaling.frames import frame_of

if TYPE_CHECKING:
    from talkd.signaling.passages import Passage
    from talkd.signaling.peer import Peer

RATE = 1000.0
"""Messages a second that a client may send for long."""
BYTES = 8192
"""A message that is so much longer counts as one more."""
BURST = 3.0
"""Seconds of that rate that a client may send at once. Further messages are refused."""


class Connection(abc.ABC):
    """A connection. Messages that come while one is handled wait, so that all are handled in their order."""

    def __init__(self) -> None:
        self.is_open = False
        """Whether messages can be sent and received."""
        self.address = ""
        """The address of the client."""
        self.peer: Peer | None = None
        self.far: Passage | None = None
        """Where the peer lives, if it lives at another process."""
        self.deadline: asyncio.TimerHandle | None = None
        """Ends the connection unless the client says what is expected in time."""
        self.heard_at = 0.0
        """When the client last sent anything, in loop time."""
        self.busy: asyncio.Future[None] | None = None
        """Ends when the message that is being handled has been handled."""
        self.waiting: deque[bytes] = deque()
        self._paid_until = 0.0
        """Until when the client has used up its rate of messages, in loop time."""

    def spend(self, messages: float) -> bool:
        """Count messages of the client. Return False if it sends too many."""
        self._paid_until = max(self._paid_until, self.heard_at) + messages / RATE
        return self._paid_until <= self.heard_at + BURST

    def go_on(self) -> None:
        """Handle the messages that have waited, until one of them takes time again."""
        self.busy = None
        while self.is_open and self.waiting and self.busy is None:
            self.handle(self.waiting.popleft())

    @abc.abstractmethod
    def handle(self, message: bytes) -> None:
        """Handle a message of the client now."""

    def send(self, message: bytes) -> None:
        """Send a message. If too much waits for the client already, cut the connection instead."""
        self.send_frame(frame_of(message))

    @abc.abstractmethod
    def send_frame(self, frame: bytes) -> None:
        """Send a message that is a frame already."""

    @abc.abstractmethod
    def ping(self, content: bytes) -> None:
        """Ask for a sign of life, which repeats `content`."""

    @abc.abstractmethod
    def hang_up(self) -> None:
        """Close the connection after what was sent."""

    def set_deadline(self, deadline: asyncio.TimerHandle | None) -> None:
        """Replace the time at which the connection ends by itself."""
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = deadline
