"""A WebSocket connection, as a protocol of the event loop: no task and no queue for each connection.

The HTTP server hands over a connection when a client asks for an upgrade. The library `websockets` checks the handshake
and the frames. Frames from the server have no mask, so a message to many clients is framed once.
"""

import asyncio
from typing import Any, Protocol, cast

import structlog
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from talkd.signaling.messages import MAX_BYTES
from talkd.signaling.peer import Peer

log = structlog.get_logger(__name__)

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes that may wait for a client that reads slowly. If there are more, its connection is cut."""
MAX_WAITING = 256
"""Messages of a client that may wait while an earlier one is handled, before nothing more is read from it."""
CLOSE_SECONDS = 5.0
"""How long a client may take to answer the closing of its connection."""


def frame_of(message: bytes) -> bytes:
    """Return a text message as a WebSocket frame of the server."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


class Handler(Protocol):
    """What handles the connections of clients."""

    def has_path(self, path: str) -> bool:
        """Return True if clients may open connections at this path."""

    def open(self, socket: "WebSocket", peername: str, request: Request) -> None:
        """Begin a connection. `peername` is the address of its other end."""

    def receive(self, socket: "WebSocket", message: bytes) -> None:
        """Handle a text message."""

    def receive_binary(self, socket: "WebSocket") -> None:
        """Handle a binary message."""

    def lose(self, socket: "WebSocket") -> None:
        """End a connection that was open."""


class WebSocket(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, handler: Handler, open_connections: set[Any]) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._open_connections = open_connections
        self._protocol = ServerProtocol(max_size=MAX_BYTES, extensions=None)
        self.transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._is_binary = False
        self.address = ""
        """The address of the client."""
        self.peer: Peer | None = None
        self.deadline: asyncio.TimerHandle | None = None
        """Ends the connection unless the client says what is expected in time."""
        self.heard_at = 0.0
        """When the client last sent anything, in loop time."""
        self.is_pinged = False
        """Whether a ping was sent since."""
        self.busy: asyncio.Task[None] | None = None
        """The task that handles a message. Later ones wait, so that all are handled in their order."""
        self.waiting: list[bytes] = []

    # --- what the event loop calls -----------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection from the HTTP server, which then passes on the head of its request."""
        self.transport = cast("asyncio.Transport", transport)
        self._open_connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Handle what the client sent."""
        self._protocol.receive_data(data)
        self.heard_at, self.is_pinged = self._loop.time(), False
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()

    def eof_received(self) -> None:
        """End the connection, since the client has closed its side."""
        self._protocol.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class has it
        """Let the peer wait for its client to resume."""
        self._open_connections.discard(self)
        self.set_deadline(None)
        self._handler.lose(self)

    def shutdown(self) -> None:
        """Close the connection because the server stops; called by the HTTP server."""
        self.close(CloseCode.GOING_AWAY)

    # --- the handshake -----------------------------------------------------------------------
    def _open(self, request: Request) -> None:
        if self._handler.has_path(request.path.partition("?")[0]):
            response = self._protocol.accept(request)
        else:
            response = self._protocol.reject(404, "There is no WebSocket here.\n")
        self._protocol.send_response(response)
        self._flush()
        if self._protocol.state is State.OPEN and self.transport is not None:
            peername = self.transport.get_extra_info("peername")
            self._handler.open(self, peername[0] if peername else "127.0.0.1", request)

    # --- messages ----------------------------------------------------------------------------
    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._is_binary = True
        elif frame.opcode is Opcode.TEXT:
            self._is_binary = False
        elif frame.opcode is not Opcode.CONT:
            return
        if not frame.fin or self._parts:
            self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message = b"".join(self._parts) if self._parts else bytes(frame.data)
        self._parts.clear()
        if self._is_binary:
            self._handler.receive_binary(self)
        else:
            self.receive(message)

    def receive(self, message: bytes) -> None:
        """Handle a message, or let it wait for its turn."""
        if self.busy is None:
            self._handler.receive(self, message)
        else:
            self.waiting.append(message)
            if len(self.waiting) == MAX_WAITING and self.transport is not None:
                self.transport.pause_reading()

    def go_on(self) -> None:
        """Handle the messages that have waited, until one of them takes time again."""
        self.busy = None
        while self.waiting and self.busy is None:
            if len(self.waiting) == MAX_WAITING and self.transport is not None:
                self.transport.resume_reading()
            self._handler.receive(self, self.waiting.pop(0))

    def send(self, message: bytes) -> None:
        """Send a message. If too much waits for the client already, cut the connection instead."""
        self.send_frame(frame_of(message))

    def send_frame(self, frame: bytes) -> None:
        """Send a message that is a frame already."""
        transport = self.transport
        if transport is None or self._protocol.state is not State.OPEN:
            return
        transport.write(frame)
        if transport.get_write_buffer_size() > MAX_UNSENT:
            log.info("slow_reader_dropped", address=self.address)
            transport.abort()

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self.is_pinged = True
            self._flush()

    def hang_up(self) -> None:
        """Close the connection after what was sent."""
        self.close(CloseCode.NORMAL_CLOSURE)

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Close the connection. A client that does not answer is cut off."""
        try:
            self._protocol.send_close(code, reason)
        except InvalidState:  # it is closing already
            return
        self._flush()
        self.set_deadline(self._loop.call_later(CLOSE_SECONDS, self.cut))

    def cut(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def set_deadline(self, deadline: asyncio.TimerHandle | None) -> None:
        """Replace the time at which the connection ends by itself."""
        if self.deadline is not None:
            self.deadline.cancel()
        self.deadline = deadline

    def _flush(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        for data in self._protocol.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.transport.close()  # both sides have said that they close
