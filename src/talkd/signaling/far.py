"""The home's side: sockets of other processes whose peers live here."""

import asyncio
from typing import TYPE_CHECKING

from talkd.bus.others import Others
from talkd.signaling import hello, letters
from talkd.signaling.batches import Batch
from talkd.signaling.connection import Connection
from talkd.signaling.letters import (
    Adopt,
    Attach,
    Attached,
    Confirmed,
    Frames,
    Handled,
    HangUp,
    Letter,
    Lost,
    Ping,
    Renew,
    Said,
)
from talkd.signaling.peer import Peer

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

KIND = "signaling"
"""The kind of these messages on the bus."""


class FarSocket(Connection):
    """A client's socket at another process, the front."""

    def __init__(self, sockets: "FarSockets", front: int, number: int, address: str) -> None:
        super().__init__()
        self.is_open = True
        self.address = address
        self.heard_at = asyncio.get_running_loop().time()
        self._sockets = sockets
        self.front, self.number = front, number
        self._is_awaited = False
        """Whether the front waits until the current message is handled."""

    def take(self, message: bytes, *, is_awaited: bool) -> None:
        """Handle a message of the client, after those that came before."""
        self.heard_at = asyncio.get_running_loop().time()
        self._is_awaited = self._is_awaited or is_awaited
        if self.busy is None:
            self.handle(message)
            self._tell_handled()
        else:
            self.waiting.append(message)

    def handle(self, message: bytes) -> None:
        self._sockets.handle(self, message)

    def go_on(self) -> None:
        super().go_on()
        self._tell_handled()

    def _tell_handled(self) -> None:
        if self._is_awaited and self.busy is None and self.is_open:
            self._is_awaited = False
            self._sockets.tell(self.front, Handled(self.number))

    def send_frame(self, frame: bytes) -> None:
        if self.is_open:
            self._sockets.send_frame(self.front, self.number, frame)

    def ping(self, content: bytes) -> None:
        if self.is_open:
            self._sockets.tell(self.front, Ping(self.number, content))

    def hang_up(self) -> None:
        if self.is_open:
            self._sockets.tell(self.front, HangUp(self.number))
            self.forget()

    def forget(self) -> None:
        """Stop using the socket: it is closed, or its peer has gone to another home."""
        self.is_open = False
        self.set_deadline(None)
        self.waiting.clear()
        self._sockets.discard(self)


class FarSockets:
    """All sockets of other processes whose peers live here."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self._others = signaling.world[Others]
        self._sockets: dict[tuple[int, int], FarSocket] = {}
        self._frames: dict[int, Batch] = {}
        """Frames that are sent at the end of this moment, by front."""

    def list_all(self) -> list[FarSocket]:
        """Return all these sockets."""
        return list(self._sockets.values())

    def handle(self, socket: FarSocket, message: bytes) -> None:
        """Handle a message of a client."""
        self._signaling.receive(socket, message)

    def discard(self, socket: FarSocket) -> None:
        """Forget a socket."""
        if self._sockets.get((socket.front, socket.number)) is socket:
            del self._sockets[socket.front, socket.number]

    # --- to the front -------------------------------------------------------------------------
    def send_frame(self, front: int, number: int, frame: bytes) -> None:
        """Send a frame to a socket soon."""
        batch = self._frames.get(front)
        if batch is None:
            batch = self._frames[front] = Batch()
            asyncio.get_running_loop().call_soon(self._flush, front)
        batch.add(number, frame)

    def _flush(self, front: int) -> None:
        batch = self._frames.pop(front, None)
        for frames in batch.cut() if batch is not None else ():
            self._others.tell_one(front, KIND, letters.encode(Frames(frames)))

    def tell(self, front: int, letter: Letter) -> None:
        """Tell a front something, after the frames that were sent before."""
        self._flush(front)
        self._others.tell_one(front, KIND, letters.encode(letter))

    # --- from the front -----------------------------------------------------------------------
    def take(self, front: int, letter: Letter) -> None:
        """Handle what a front tells."""
        if isinstance(letter, Adopt):
            self._adopt(front, letter)
        elif isinstance(letter, Attach):
            self._attach(front, letter)
        elif isinstance(letter, Renew):
            peer = self._signaling.registry.find(letter.peer_id)
            if peer is not None and peer.resume_id == letter.resume_id:
                self._signaling.renew(peer)
        elif isinstance(letter, Said | Confirmed | Lost):
            socket = self._sockets.get((front, letter.socket))
            if socket is None:
                return
            if isinstance(letter, Said):
                socket.take(letter.message, is_awaited=letter.awaited)
            elif isinstance(letter, Confirmed):
                self._signaling.confirm(socket, letter.content)
            else:
                self._lose(socket)

    def _open(self, front: int, number: int, address: str) -> FarSocket:
        socket = self._sockets[front, number] = FarSocket(self, front, number, address)
        return socket

    def _adopt(self, front: int, letter: Adopt) -> None:
        peer = Peer.restore(letter.state)
        socket = self._open(front, letter.socket, peer.address)
        self._signaling.elsewhere.settle(peer, socket)
        self._signaling.require_room_soon(peer)
        socket.take(letter.message, is_awaited=True)

    def _attach(self, front: int, letter: Attach) -> None:
        peer = self._signaling.registry.find(letter.peer_id)
        if peer is None or peer.resume_id != letter.resume_id or peer.has_overflowed:
            self.tell(front, Attached(letter.socket, is_there=False))
            return
        socket = self._open(front, letter.socket, letter.address)
        hello.go_on(self._signaling, peer, socket, letter.features, letter.version, letter.request_id)
        self.tell(front, Attached(letter.socket, is_there=True))

    def _lose(self, socket: FarSocket) -> None:
        socket.forget()
        self._signaling.lose(socket)

    def lose_front(self, front: int) -> bool:
        """Note that the sockets of a process are closed: it has ended, or letters were lost. Return if any is."""
        lost = [each for each in self.list_all() if each.front == front]
        for socket in lost:
            self._lose(socket)
        return bool(lost)
