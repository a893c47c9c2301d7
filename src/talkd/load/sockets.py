"""A client of the signaling sockets, which tell of new messages and carry what callers say to each other."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from talkd.load.http import Address, Failed

ANSWER_SECONDS = 30.0
LONGEST_MESSAGE = 16 * 1024 * 1024
CHAT_RELAY = "chat-relay"
"""The feature of servers and clients that bring messages over the socket, and not only a hint to fetch them."""


class Incoming(msgspec.Struct, frozen=True):
    """A message of the server. The field with the name of its type has the content."""

    type: str = ""
    id: str = ""
    hello: dict[str, Any] = {}
    room: dict[str, Any] = {}
    error: dict[str, Any] = {}
    event: dict[str, Any] = {}
    message: dict[str, Any] = {}


_decode = msgspec.json.Decoder(Incoming).decode
Take = Callable[[Incoming, float], None]


class Socket:
    """A connection. `take` gets each message that is no answer, and when it arrived."""

    def __init__(self, take: Take, lost: Callable[[], None]) -> None:
        self._take, self._lost = take, lost
        self._connection: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Incoming]] = {}
        self.session = ""
        self.features: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether the server has answered the hello and has not closed the connection."""
        return self._reading is not None and not self._reading.done() and bool(self.session)

    async def open(self, url: str, backend: str, proof: Any, address: Address) -> None:
        """Connect, and say hello. Raises Failed."""
        tls = address.tls if url.startswith("wss:") else None
        try:
            self._connection = await connect(
                url,
                ssl=tls,
                proxy=None,
                compression=None,
                max_size=LONGEST_MESSAGE,
                open_timeout=ANSWER_SECONDS,
                close_timeout=1,
            )
        except (OSError, WebSocketException) as error:
            raise Failed("connection", str(error)) from error
        self._reading = asyncio.create_task(self._read(self._connection))
        auth = {"url": backend, "params": proof}
        answer = await self.ask("hello", {"version": "1.0", "auth": auth, "features": [CHAT_RELAY]})
        self.session = answer.hello["sessionid"]
        self.features = frozenset(answer.hello.get("server", {}).get("features", ()))

    async def join(self, token: str, session: str) -> None:
        """Enter a room with the session of the HTTP API. Raises Failed."""
        await self.ask("room", {"roomid": token, "sessionid": session})

    async def ask(self, kind: str, content: dict[str, Any]) -> Incoming:
        """Send a request and return the answer. Raises Failed."""
        number = f"b{next(self._numbers)}"
        future: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        try:
            await self._send({"id": number, "type": kind, kind: content})
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await future
        except TimeoutError as error:
            raise Failed("timeout") from error
        finally:
            del self._answers[number]
        if answer.type == "error":
            raise Failed(str(answer.error.get("code", "error")))
        return answer

    async def tell(self, session: str, data: dict[str, Any]) -> None:
        """Send something to another client. Raises Failed."""
        recipient = {"type": "session", "sessionid": session}
        await self._send({"type": "message", "message": {"recipient": recipient, "data": data}})

    async def close(self) -> None:
        """Close the connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._connection is not None:
            with contextlib.suppress(OSError, WebSocketException):
                await self._connection.close()
        self.session = ""

    async def _send(self, message: dict[str, Any]) -> None:
        if self._connection is None:
            raise Failed("closed")
        try:
            await self._connection.send(msgspec.json.encode(message), text=True)
        except (OSError, WebSocketException) as error:
            raise Failed("closed", str(error)) from error

    async def _read(self, connection: ClientConnection) -> None:
        try:
            async for text in connection:
                at = time.perf_counter()
                message = _decode(text)
                waiting = self._answers.get(message.id) if message.id else None
                if waiting is None:
                    self._take(message, at)
                elif not waiting.done():
                    waiting.set_result(message)
        except (OSError, WebSocketException, msgspec.DecodeError):
            pass
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(Failed("closed"))
        self._lost()
