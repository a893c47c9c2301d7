"""A small client of the signaling sockets for load tests: raw connections, and what the cases need of the protocol.

It speaks to talkd and to the signaling server of Nextcloud Talk.
"""

import asyncio
import base64
import itertools
import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from websockets.frames import Opcode, apply_mask  # type: ignore[attr-defined]

from bench.client import PER_SOURCE

FINAL, MASKED = 0x80, 0x80
MARK = "talkd-bench"
"""The type of the data that clients of the cases send to each other."""
_MARKED = f'"{MARK}"'.encode()
ANSWER_SECONDS = 60.0


class Entry(NamedTuple):
    """What a client needs to say hello and to enter its room."""

    token: str
    session: str
    auth: dict[str, Any]


class Socket(asyncio.Protocol):
    """One client and its connection. `number` chooses the source address."""

    def __init__(self, entry: Entry, number: int) -> None:
        self.entry = entry
        self._source = f"127.0.0.{1 + number // PER_SOURCE}"
        self.id = ""
        self.frames = self.bytes = 0
        """What has arrived from the server."""
        self.kept: list[tuple[float, bytes]] | None = None
        """The messages that have arrived, with their times, if they are to be kept."""
        self.on_relayed: Callable[[Socket, float], None] | None = None
        """Is called for each message of another client, with the time of its arrival."""
        self.sent: deque[float] = deque()
        """When the messages were sent that have not arrived."""
        self.is_open = False
        self._transport: asyncio.Transport
        self._rest = b""
        self._parts = b""
        self._numbers = itertools.count(1)
        self._awaited = b""
        """The id of the request that awaits an answer, as it is in the answer."""
        self._answer: asyncio.Future[tuple[float, dict[str, Any]]]

    # --- the connection ----------------------------------------------------------------------
    async def open(self, port: int, path: str) -> None:
        """Connect to a server."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        await loop.create_connection(lambda: self, "127.0.0.1", port, local_addr=(self._source, 0))
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._transport.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server closed the connection"))

    def close(self) -> None:
        """End the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        at = time.perf_counter()
        data = self._rest + data if self._rest else data
        if not self.is_open:
            head, end, after = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = data
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                raise ValueError(f"expected a WebSocket, got {head[:300]!r}")
            data, self.is_open = after, True
            self._answer.set_result((at, {}))
        start, end_of_data = 0, len(data)
        while end_of_data - start >= 2:
            head_byte, size, begin = data[start], data[start + 1], start + 2
            if size >= 126:
                begin += 2 if size == 126 else 8
                size = int.from_bytes(data[start + 2 : begin], "big")
            if end_of_data < begin + size:
                break
            start = begin + size
            self._take_frame(head_byte, data[begin:start], at)
        self._rest = data[start:]

    def _take_frame(self, head: int, content: bytes, at: float) -> None:
        opcode = head & ~FINAL
        if opcode == Opcode.PING:
            self._send_frame(Opcode.PONG, content)
        elif opcode == Opcode.CLOSE:
            self.close()
        elif head == FINAL | Opcode.TEXT:
            self._take(content, at)
        elif opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts += content
            if head & FINAL:
                self._parts, content = b"", self._parts
                self._take(content, at)

    def _take(self, content: bytes, at: float) -> None:
        self.frames += 1
        self.bytes += len(content)
        if self.on_relayed is not None and _MARKED in content:
            self.on_relayed(self, at)
            return
        if self.kept is not None:
            self.kept.append((at, content))
        if self._awaited and self._awaited in content:
            self._awaited = b""
            if not self._answer.done():
                self._answer.set_result((at, json.loads(content)))

    def _send_frame(self, opcode: Opcode, content: bytes) -> None:
        size, mask = len(content), secrets.token_bytes(4)
        head = bytes((FINAL | opcode, MASKED | size)) if size < 126 else bytes((FINAL | opcode, MASKED | 126))
        length = b"" if size < 126 else size.to_bytes(2, "big")
        self._transport.write(b"".join((head, length, mask, apply_mask(content, mask))))

    # --- messages ----------------------------------------------------------------------------
    def send(self, message: bytes) -> None:
        """Send a message."""
        self._send_frame(Opcode.TEXT, message)

    def relay(self, message: bytes) -> None:
        """Send a message to other clients, and note the time."""
        self.sent.append(time.perf_counter())
        self.send(message)

    async def ask(self, kind: str, content: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        """Send a request. Return the time and the content of the answer. Raises ValueError if it has another type."""
        number = f"request-{next(self._numbers)}"
        self._awaited = f'"id":"{number}"'.encode()
        self._answer = asyncio.get_running_loop().create_future()
        self.send(json.dumps({"id": number, "type": kind, kind: content}, separators=(",", ":")).encode())
        async with asyncio.timeout(ANSWER_SECONDS):
            at, answer = await self._answer
        if answer["type"] != kind:
            raise ValueError(f"expected {kind}, got {answer}")
        return at, answer[kind]

    async def say_hello(self) -> None:
        """Prove who the client is."""
        _, hello = await self.ask("hello", {"version": "1.0", "auth": self.entry.auth, "features": []})
        self.id = hello["sessionid"]

    async def join(self) -> float:
        """Enter the room. Return when the server had answered."""
        at, _ = await self.ask("room", {"roomid": self.entry.token, "sessionid": self.entry.session})
        return at


def message_to(recipient: dict[str, str], size: int = 500) -> bytes:
    """Return a message to other clients, with about as much data as a candidate of a call has."""
    data = {"type": MARK, "payload": "x" * size}
    return json.dumps({"type": "message", "message": {"recipient": recipient, "data": data}}).encode()
