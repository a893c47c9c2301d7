"""HTTP/1.1 as a client: one request at a time on each connection, which stays open. httptools reads the answers.

A simulated user costs two such connections. A general client library takes several times as much CPU for a request,
which the server on the same machine would lack (docs/adr/0019-load.md).
"""

import asyncio
import base64
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

import httptools
import msgspec

from talkd import __version__

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
LONGEST_ANSWER = 32 * 1024 * 1024


class Failed(Exception):
    """There was no answer. `reason` is a word: connection, timeout, closed or invalid."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class Answer(NamedTuple):
    """An answer. `at` is when it arrived (time.perf_counter)."""

    status: int
    headers: dict[str, str]
    body: bytes
    at: float

    def data(self) -> Any:
        """Return the data of an answer of the OCS API. Raises Failed."""
        try:
            return msgspec.json.decode(self.body)["ocs"]["data"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise Failed("invalid", "the answer is not one of the OCS API") from error


class Address:
    """Where the server is. Raises ValueError if the address is not one of HTTP."""

    def __init__(self, url: str, *, verify: bool = True) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(url)
        self.host, self.path = parts.hostname, parts.path.rstrip("/")
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.name = parts.netloc.rpartition("@")[2]
        self.tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self.tls = ssl.create_default_context()
            if not verify:
                self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE


@dataclass
class Login:
    """What a device sends to say who it is. The cookies are those that the server has set."""

    user: str = ""
    password: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def lines(self) -> str:
        """Return the lines of the head of a request."""
        word = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        login = f"authorization: Basic {word}\r\n" if self.user else ""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return f"{login}cookie: {cookies}\r\n" if cookies else login

    def take(self, cookie: str) -> None:
        """Keep a cookie that the server has set."""
        name, _, value = cookie.partition(";")[0].partition("=")
        self.cookies[name.strip()] = value.strip()


class _Stream(asyncio.Protocol):
    """A connection. The parser calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []
        self._size = 0
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.is_open = cast("asyncio.Transport", transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(Failed("closed", str(exc or "")))

    def ask(self, data: bytes) -> asyncio.Future[Answer]:
        """Send a request, and return a future of its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._answer

    def close(self) -> None:
        """Close the connection at once."""
        self.is_open = False
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Failed("invalid", str(error)))
            self.close()

    def _fail(self, error: Failed) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def on_message_begin(self) -> None:
        self._headers, self._parts, self._size = [], [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > LONGEST_ANSWER:
            self._fail(Failed("invalid", "the answer is too long"))
            self.close()
        else:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        if not self._parser.should_keep_alive():
            self.is_open = False
            self._transport.close()
        if self._answer is not None and not self._answer.done():
            headers = dict(self._headers)
            cookies = [value for name, value in self._headers if name == "set-cookie"]
            if cookies:
                headers["set-cookie"] = "\n".join(cookies)
            self._answer.set_result(Answer(status, headers, b"".join(self._parts), time.perf_counter()))


class Line:
    """A connection of a device, opened when it is needed. Requests wait for those before them."""

    def __init__(self, address: Address, login: Login) -> None:
        self._address, self._login = address, login
        self._stream: _Stream | None = None
        self._turn = asyncio.Lock()

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """Send a request, with parameters in its body, and return the answer. Raises Failed."""
        async with self._turn:
            try:
                stream = await self._open()
                async with asyncio.timeout(seconds):
                    answer = await stream.ask(self._request(method, path, body))
            except TimeoutError as error:
                self.close()
                raise Failed("timeout") from error
            except BaseException:
                self.close()  # an answer that comes later would be taken for that of the next request
                raise
        for cookie in answer.headers.get("set-cookie", "").splitlines():
            self._login.take(cookie)
        return answer

    async def renew(self) -> None:
        """Close the connection once it is not in use."""
        async with self._turn:
            self.close()

    def close(self) -> None:
        """Close the connection at once. The next request opens another."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _open(self) -> _Stream:
        if self._stream is None or not self._stream.is_open:
            where, loop = self._address, asyncio.get_running_loop()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, self._stream = await loop.create_connection(_Stream, where.host, where.port, ssl=where.tls)
            except OSError as error:
                raise Failed("connection", str(error)) from error
        return self._stream

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        content = b"" if body is None else urlencode(body).encode()
        kind = "" if body is None else "content-type: application/x-www-form-urlencoded\r\n"
        length = "" if body is None and method == "GET" else f"content-length: {len(content)}\r\n"
        head = (
            f"{method} {self._address.path}{path} HTTP/1.1\r\nhost: {self._address.name}\r\n{self._login.lines()}"
            f"ocs-apirequest: true\r\naccept: application/json\r\nuser-agent: talkd-bench/{__version__}\r\n"
            f"{kind}{length}\r\n"
        )
        return head.encode() + content
