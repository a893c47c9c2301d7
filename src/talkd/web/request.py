"""One HTTP request: its head, its body, and its answer."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from talkd.core.streams import Sendable

if TYPE_CHECKING:
    from talkd.web.connection import Connection
    from talkd.web.response import Response

Headers = list[tuple[bytes, bytes]]

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
PROTECTION = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers that every answer has unless it sets them itself. They stop browsers from running scripts."""
BODILESS = (204, 304)
"""Statuses whose answers have no body and no length."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_ONCE = frozenset(
    (b"content-length", b"content-type", b"cookie", b"expect", b"from", b"host", b"referer", b"user-agent")
)
"""Headers that a request has once. If it has several, the last one counts; those of other names make one list."""
_MEANT_WITH_HYPHENS = (
    b"ocs_apirequest",
    b"user_agent",
    b"talk_",
    b"spreed_signaling_",
    b"x_nextcloud_talk_",
    b"x_spreed_signaling_",
)
"""Beginnings of header names that some tools send with underscores instead of hyphens."""


class Request:
    """One request. The application reads the body with `wait` and `take`, and answers with `answer`."""

    __slots__ = (
        "_arrival",
        "_connection",
        "_headers",
        "_on_hang_up",
        "_parts",
        "began",
        "client",
        "expects_continue",
        "has_ended",
        "is_answered",
        "is_gone",
        "keeps_alive",
        "length",
        "method",
        "path",
        "query",
        "raw_path",
        "scheme",
        "size",
        "task",
        "version",
    )

    def __init__(
        self,
        connection: "Connection",
        headers: Headers,
        *,
        method: str,
        scheme: str,
        version: str,
        path: str,
        raw_path: bytes,
        query: str,
        client: str,
        keeps_alive: bool,
    ) -> None:
        self._connection = connection
        self._headers = _by_name(headers)
        self.method = method
        self.scheme = scheme
        self.version = version
        """The version of HTTP: 1.1 or 1.0."""
        self.path = path
        """The decoded path. The application replaces it by the path of the route table."""
        self.raw_path = raw_path
        self.query = query
        self.client = client
        """The address of the other end of the connection."""
        self.keeps_alive = keeps_alive
        """Whether the connection stays open after the answer."""
        self.length, self.expects_continue = framing_of(self._headers)
        self.has_ended = self.length == 0
        """Whether the whole body has arrived."""
        self.size = 0
        """Bytes of the body that have arrived and were not taken yet."""
        self._parts: list[bytes] = []
        self._arrival: asyncio.Future[None] | None = None
        self.is_gone = False
        """Whether the client has hung up, or sends nonsense instead of the rest of the body."""
        self.is_answered = False
        self._on_hang_up: Callable[[], None] | None = None
        self.began = 0.0
        """The event loop's time at which the application began to handle it."""
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
    @property
    def has_body(self) -> bool:
        """Return True if the request has a body, or announces one."""
        return self.length != 0

    def get_header(self, name: str) -> str | None:
        """Return a header, or None."""
        value = self._headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1")

    def take(self) -> bytes | None:
        """Return the part of the body that has arrived since the last call, or None if there is none."""
        if not self._parts:
            return None
        part = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        self._connection.control_reading()
        return part

    async def wait(self) -> None:
        """Wait until something arrives: a part of the body, its end, or the end of the connection."""
        if self.expects_continue:
            self.expects_continue = False
            self._connection.write(CONTINUE)
        self._arrival = asyncio.get_running_loop().create_future()
        try:
            await self._arrival
        finally:
            self._arrival = None

    def hang_up(self, call: Callable[[], None]) -> None:
        """Call a function when the client hangs up, or at once if it has."""
        self._on_hang_up = call
        if self.is_gone:
            call()

    def answer(self, response: "Response") -> None:
        """Write the answer. Status, headers and body are written at once.

        Raises ValueError if a header contains the end of a line, or a character that headers cannot have.
        """
        is_plain = self.keeps_alive and self.has_ended and self.version == "1.1" and self.method == "GET"
        written = response.written if is_plain else None
        if written is None:
            written = self._composed(response)
            if is_plain and self.keeps_alive:
                response.written = written
        self.is_answered = True
        self._on_hang_up = None
        self._connection.finish(self, written)

    async def answer_with(self, response: "Response", stream: Sendable) -> None:
        """Write an answer whose body is a stream. Raises ValueError as `answer` does, and the errors of the stream."""
        head = self._composed(response)
        self.is_answered = True
        self._on_hang_up = None
        if self.method == "HEAD" or response.status in BODILESS:
            self._connection.finish(self, head)
        else:
            await self._connection.finish_with(self, head, stream)

    def _composed(self, response: "Response") -> bytes:
        """Return the whole answer without its stream, and note whether the connection stays open after it."""
        status, headers, body = response.status, response.headers, response.body
        lines = [STATUS_LINES[status]]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"set-cookie: {cookie}" for cookie in response.cookies]
        size = response.stream.size if response.stream is not None else len(body)
        if status not in BODILESS and size is not None:
            lines.append(f"content-length: {size}")
        elif size is None and self.version == "1.1":
            lines.append("transfer-encoding: chunked")
        elif size is None:  # the end of the connection is that of the body
            self.keeps_alive = False
        if headers.get("connection") == "close":
            self.keeps_alive = False
        elif not (self.keeps_alive and self.has_ended):  # the rest of a body would look like the next request
            self.keeps_alive = False
            lines.append("connection: close")
        elif self.version == "1.0":
            lines.append("connection: keep-alive")
        head = "\r\n".join(lines)
        if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head:
            raise ValueError("a header contains the end of a line")
        if self.method == "HEAD" or status in BODILESS:
            body = b""
        return b"%b\r\n\r\n%b" % (head.encode("latin-1"), body)


def refusal(status: int) -> bytes:
    """Return the answer to something that is not a request."""
    headers = {"content-length": "0", "connection": "close", **PROTECTION}
    lines = [STATUS_LINES[status], *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _by_name(headers: Headers) -> dict[bytes, bytes]:
    """Return the headers by their names. Headers with underscores are dropped, except those of `_MEANT_WITH_HYPHENS`.

    Proxies check `X-Forwarded-For`, but not `X_Forwarded_For`.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if b"_" in name:
            if not name.startswith(_MEANT_WITH_HYPHENS):
                continue
            name = name.replace(b"_", b"-")
        found[name] = found[name] + b"," + value if name in found and name not in _ONCE else value
    return found


def framing_of(headers: Mapping[bytes, bytes]) -> tuple[int | None, bool]:
    """Return the length of the body (0 for none, None for a chunked one), and whether the client waits for a 100.

    The parser has checked the values.
    """
    length = None if b"transfer-encoding" in headers else int(headers.get(b"content-length", 0))
    return length, length != 0 and headers.get(b"expect", b"").lower() == b"100-continue"
