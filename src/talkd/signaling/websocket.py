"""A WebSocket connection, as a protocol of the event loop: no task and no queue for each connection.

The HTTP server hands over a connection when a client asks for an upgrade. The library `websockets` checks the
handshake.
"""

import asyncio
from contextlib import suppress
from typing import Any, Protocol, cast

from websockets.datastructures import Headers
from websockets.frames import Close, CloseCode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from talkd.core.log import Log
from talkd.signaling import metrics
from talkd.signaling.connection import BURST, BYTES, Connection
from talkd.signaling.frames import Broken, FrameReader, Opcode, frame_of, read_close
from talkd.web.deadlines import unsent_of

log = Log(__name__)

UNREAD_SECONDS = 30.0
"""How long a client may take none of the bytes that wait for it, before its connection is cut."""
MAX_UNSENT = 4 * 1024 * 1024
"""Bytes that may wait for a client that reads slowly. If there are more, its connection is cut."""
MAX_UNSENT_TOGETHER = 512 * 1024 * 1024
"""Bytes that may wait for all such clients together. If there are many, each of them may have fewer."""
CLOSE_SECONDS = 5.0
"""How long a client may take to answer the closing of its connection."""
TOO_MUCH = 2 * BURST
"""A client that still sends when it is so many seconds ahead of its rate is cut off."""


class Handler(Protocol):
    """What handles the connections of clients."""

    slow: set["WebSocket"]
    """The connections whose clients read more slowly than the server writes."""

    def has_path(self, path: str) -> bool:
        """Return True if clients may open connections at this path."""

    def open(self, socket: "WebSocket", peername: str, request: Request) -> None:
        """Begin a connection. `peername` is the address of its other end."""

    def receive(self, socket: "WebSocket", message: bytes) -> None:
        """Handle a text message."""

    def refuse_binary(self, socket: "WebSocket") -> None:
        """Refuse a binary message."""

    def refuse_flood(self, socket: "WebSocket", message: bytes) -> None:
        """Refuse a message of a client that sends too many."""

    def confirm(self, socket: "WebSocket", content: bytes) -> None:
        """Note the answer to a ping: the client has received what was sent before."""

    def lose(self, socket: "WebSocket") -> None:
        """End a connection that was open."""


class WebSocket(Connection, asyncio.Protocol):
    """One connection of a client to this process."""

    def __init__(self, handler: Handler, open_connections: set[Any]) -> None:
        super().__init__()
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._open_connections = open_connections
        self._reader = FrameReader()
        self._transport: asyncio.Transport
        self._is_closing = False
        """Whether a side has begun to close."""
        self._is_deaf = False
        """Whether what the client sends is thrown away: it has closed the connection, or broken the protocol."""
        self._written = 0
        """The bytes that were written to the client, whether it has taken them or not."""
        self._taken = 0
        """How many of them the client had taken at the last look."""
        self._taken_at = 0.0
        """When it last took some or had taken all, in loop time."""

    # --- what the event loop calls -----------------------------------------------------------
    def pause_writing(self) -> None:
        """Count a client that reads slowly."""
        self._handler.slow.add(self)

    def resume_writing(self) -> None:
        """Forget it when it has caught up."""
        self._handler.slow.discard(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the connection from the HTTP server, which then passes on the head of its request."""
        self._transport = cast("asyncio.Transport", transport)
        self._open_connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Handle what the client sent."""
        if self._is_deaf:
            return
        if not self.is_open and not self._is_closing:
            head, end, data = data.partition(b"\r\n\r\n")
            self._shake_hands(head + end)
        self.heard_at = self._loop.time()
        try:
            for opcode, content in self._reader.read(data):
                if opcode == Opcode.CLOSE:
                    self._end(content)
                    return
                elif self.is_open:
                    self._take(opcode, content)
        except Broken as broken:
            self.close(broken.code, broken.reason)
            self._is_deaf = True
            if self._transport.can_write_eof():  # TLS cannot
                with suppress(OSError):  # the client may have just hung up
                    self._transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class has it
        """Let the peer wait for its client to resume."""
        self.is_open = False
        self._open_connections.discard(self)
        self._handler.slow.discard(self)
        self.set_deadline(None)
        self.waiting.clear()
        self._handler.lose(self)

    def shutdown(self) -> None:
        """Close the connection because the server stops; called by the HTTP server."""
        self.close(CloseCode.GOING_AWAY)

    # --- the handshake -----------------------------------------------------------------------
    def _shake_hands(self, head: bytes) -> None:
        protocol, request = ServerProtocol(), _read_head(head)
        response = protocol.accept(request)
        protocol.send_response(response)
        self.is_open = response.status_code == 101
        for data in protocol.data_to_send():
            self._transport.write(data)
        if not self.is_open:
            self._leave()
            return
        peername = self._transport.get_extra_info("peername")
        self._handler.open(self, peername[0] if peername else "127.0.0.1", request)

    # --- messages ----------------------------------------------------------------------------
    def _take(self, opcode: Opcode, content: bytes) -> None:
        is_allowed = self.spend(1 + len(content) / BYTES)
        if not is_allowed and self._paid_until > self.heard_at + TOO_MUCH:
            self.close(CloseCode.POLICY_VIOLATION, "too_many_requests")
        elif opcode == Opcode.PING:
            self.send_frame(frame_of(content, Opcode.PONG))
        elif opcode == Opcode.PONG:
            self._handler.confirm(self, content)
        elif not is_allowed:
            self._handler.refuse_flood(self, content)
        elif opcode == Opcode.BINARY:
            self._handler.refuse_binary(self)
        elif self.busy is None:
            self.handle(content)
        else:
            self.waiting.append(content)
            self._transport.pause_reading()

    def handle(self, message: bytes) -> None:
        self._handler.receive(self, message)

    def go_on(self) -> None:
        super().go_on()
        if not self.waiting:
            self._transport.resume_reading()

    def send_frame(self, frame: bytes) -> None:
        if not self.is_open:
            return
        transport = self._transport
        transport.write(frame)
        self._written += len(frame)
        if self in self._handler.slow:
            allowed = min(MAX_UNSENT, MAX_UNSENT_TOGETHER // len(self._handler.slow))
            if transport.get_write_buffer_size() > allowed:
                self.drop()

    @property
    def unsent(self) -> int:
        """The bytes that wait for the client."""
        return unsent_of(self._transport)

    def is_unread(self) -> bool:
        """Return True if the client has taken nothing of what waits for it for too long."""
        unsent, now = self.unsent, self._loop.time()
        taken = self._written - unsent
        if not unsent or taken > self._taken:  # TLS also writes bytes that are not counted
            self._taken, self._taken_at = taken, now
        return now - self._taken_at >= UNREAD_SECONDS

    def ping(self, content: bytes) -> None:
        self.send_frame(frame_of(content, Opcode.PING))

    # --- the end -----------------------------------------------------------------------------
    def hang_up(self) -> None:
        self.close(CloseCode.NORMAL_CLOSURE)

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Close the connection. A client that does not answer is cut off."""
        if self.is_open:
            self.send_frame(frame_of(Close(code, reason).serialize(), Opcode.CLOSE))
            self.is_open, self._is_closing = False, True
            self.waiting.clear()
            self._transport.resume_reading()
            self.set_deadline(self._loop.call_later(CLOSE_SECONDS, self.cut))

    def _end(self, content: bytes) -> None:
        """Answer the closing of the client, or take its answer."""
        if self.is_open:
            code = read_close(content)
            answer = b"" if code == CloseCode.NO_STATUS_RCVD else Close(code, "").serialize()
            self.send_frame(frame_of(answer, Opcode.CLOSE))
        self._leave()

    def _leave(self) -> None:
        """Close the connection when everything is sent, but not much later than that."""
        self.is_open, self._is_closing, self._is_deaf = False, True, True
        self._transport.close()
        self.set_deadline(self._loop.call_later(CLOSE_SECONDS, self._transport.abort))

    def drop(self) -> None:
        """Cut the connection of a client that does not read, or not quickly enough."""
        log.info("slow_reader_dropped", address=self.address)
        metrics.dropped.inc()
        self.cut()

    def cut(self) -> None:
        """End the connection at once."""
        self.is_open = False
        self._transport.abort()


def _read_head(head: bytes) -> Request:
    """Return the request with this head, which the HTTP server has checked.

    The library's own parser takes only lines of 8 KB and 128 headers.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    path = first.split(" ")[1]
    headers = Headers()
    for line in filter(None, lines):
        name, _, value = line.partition(": ")
        headers[name] = value
    return Request(path, headers)
