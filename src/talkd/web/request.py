"""One HTTP request: its head and body as an ASGI scope and messages, and its answer."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from talkd.web.connection import Connection

Scope = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

REQUEST = "talkd.request"
"""Key of the ASGI scope for the `Request`."""
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}
PROTECTION = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers that every answer has unless it sets them itself. They stop browsers from running scripts."""
BODILESS = (204, 304)
"""Statuses whose answers have no body and no length."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_DISCONNECT = {"type": "http.disconnect"}


class Request:
    """One request. The application reads the body with `receive` or `take`, and answers with `send`."""

    __slots__ = (
        "_arrival",
        "_connection",
        "_is_told",
        "_on_hang_up",
        "_parts",
        "_start",
        "expects_continue",
        "has_ended",
        "is_answered",
        "is_gone",
        "keeps_alive",
        "length",
        "query",
        "raw_path",
        "scope",
        "size",
        "task",
    )

    def __init__(
        self, connection: "Connection", scope: Scope, raw_path: bytes, query: str, *, keeps_alive: bool
    ) -> None:
        self._connection = connection
        self.scope = scope
        scope[REQUEST] = self
        self.raw_path = raw_path
        self.query = query
        self.keeps_alive = keeps_alive
        """Whether the connection stays open after the answer."""
        self.length, self.expects_continue = framing_of(scope["headers"])
        self.has_ended = self.length == 0
        """Whether the whole body has arrived."""
        self.size = 0
        """Bytes of the body that have arrived and were not taken yet."""
        self._parts: list[bytes] = []
        self._is_told = False
        self._arrival: asyncio.Future[None] | None = None
        self._start: Any = None
        self.is_gone = False
        """Whether the client has hung up, or sends nonsense instead of the rest of the body."""
        self.is_answered = False
        self._on_hang_up: Callable[[], None] | None = None
        self.task: asyncio.Task[None] | None = None

    # --- what the connection calls ----------------------------------------------------------
    def add(self, part: bytes) -> None:
        """Add bytes to the body."""
        self._parts.append(part)
        self.size += len(part)
        self._wake()

    def end(self) -> None:
        """Note that the body is complete."""
        self.has_ended = True
        self._wake()

    def break_off(self) -> None:
        """Note that nothing more will arrive."""
        self.is_gone = True
        self._wake()
        if self._on_hang_up is not None:
            self._on_hang_up()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # --- what the application calls ----------------------------------------------------------
    def take(self) -> Any:
        """Return the next ASGI message if it is there already, or None."""
        if self._parts or (self.has_ended and not self._is_told):
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self.size = 0
            self._is_told = self.has_ended
            self._connection.control_reading()
            return {"type": "http.request", "body": body, "more_body": not self.has_ended}
        return _DISCONNECT if self.is_gone or self.is_answered else None

    async def receive(self) -> Any:
        """Return the next ASGI message: a part of the body, or after its end the disconnect."""
        while (message := self.take()) is None:
            if self.expects_continue:
                self.expects_continue = False
                self._connection.write(CONTINUE)
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        return message

    def hang_up(self, call: Callable[[], None]) -> None:
        """Call a function when the client hangs up, or at once if it has."""
        self._on_hang_up = call
        if self.is_gone:
            call()

    async def send(self, message: Any) -> None:
        """Take the ASGI messages of the answer, which has one body. Status, headers and body are written at once.

        Raises ValueError if a header contains the end of a line.
        """
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message.get("more_body"):
            raise ValueError("the body of an answer is one message")
        self._answer(self._start["status"], self._start["headers"], message.get("body", b""))

    def _answer(self, status: int, headers: Headers, body: bytes) -> None:
        head = b"\r\n".join((STATUS_LINES[status], *map(b": ".join, headers), b""))
        if head.count(b"\n") > len(headers) + 1 or head.count(b"\r") > len(headers) + 1 or b"\0" in head:
            raise ValueError("a header contains the end of a line")
        if b"\r\ncontent-length: " not in head and status not in BODILESS:
            head += b"content-length: %d\r\n" % len(body)
        if b"\r\nconnection: close\r\n" in head:
            self.keeps_alive = False
        elif not (self.keeps_alive and self.has_ended):  # the rest of a body would look like the next request
            self.keeps_alive = False
            head += b"connection: close\r\n"
        elif self.scope["http_version"] == "1.0":
            head += b"connection: keep-alive\r\n"
        if self.scope["method"] == "HEAD" or status in BODILESS:
            body = b""
        self.is_answered = True
        self._on_hang_up = None
        del self.scope[REQUEST]  # both would keep each other until the next garbage collection
        self._connection.finish(self, b"%b\r\n%b" % (head, body))


def refusal(status: int) -> bytes:
    """Return the answer to something that is not a request."""
    headers = {"content-length": "0", "connection": "close", **PROTECTION}
    lines = [STATUS_LINES[status], *(f"{name}: {value}".encode() for name, value in headers.items())]
    return b"\r\n".join([*lines, b"", b""])


def framing_of(headers: Headers) -> tuple[int | None, bool]:
    """Return the length of the body (0 for none, None for a chunked one), and whether the client waits for a 100.

    The parser has checked the values.
    """
    length: int | None = 0
    expects = False
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            length = None
        elif name == b"expect":
            expects = value.lower() == b"100-continue"
    return length, expects and length != 0
