"""A small HTTP/1.1 client for load tests: raw sockets, one request at a time on each connection.

It reads only what talkd sends: a body with a Content-Length, or no body. Anything else is an error.
"""

import asyncio
import base64
import json
import time
from collections.abc import Iterable
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

API = "/ocs/v2.php/apps/spreed/api"
PER_SOURCE = 5_000
"""Connections from one 127.0.0.x address. One address has fewer ports than a large benchmark needs."""


class Account(NamedTuple):
    """The account that sends a request."""

    id: str
    password: str


class Answer(NamedTuple):
    """A response. `at` is the time when it arrived (time.perf_counter)."""

    status: int
    head: bytes
    body: bytes
    at: float

    def header(self, name: bytes) -> int:
        """Return a numeric header, or 0 if it is missing. `name` is in lower case, as the server writes it."""
        start = self.head.find(b"\r\n" + name + b": ")
        if start < 0:
            return 0
        start += len(name) + 4
        end = self.head.find(b"\r\n", start)
        return int(self.head[start : end if end >= 0 else None])

    def data(self) -> Any:
        """Return the data of the body, which is JSON of the OCS API."""
        return json.loads(self.body)["ocs"]["data"]


def request(method: str, path: str, account: Account | None = None, body: dict[str, object] | None = None) -> bytes:
    """Return the bytes of a request. Without an account it has no credentials."""
    login = base64.b64encode(f"{account.id}:{account.password}".encode()).decode() if account else ""
    authorization = f"authorization: Basic {login}\r\n" if account else ""
    content = urlencode(body).encode() if body is not None else b""
    kind = "content-type: application/x-www-form-urlencoded\r\n" if body is not None else ""
    length = f"content-length: {len(content)}\r\n" if body is not None else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{authorization}ocs-apirequest: true\r\n"
        f"accept: application/json\r\nuser-agent: talkd-bench\r\n{kind}{length}\r\n"
    )
    return head.encode() + content


class Connection(asyncio.Protocol):
    """One persistent connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._received = b""
        self._head_end = 0
        self._wanted = 0
        self._answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, data: bytes) -> asyncio.Future[Answer]:
        """Send a request and return a future of its answer."""
        assert self._answer is None or self._answer.done(), "one request at a time"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        if not self._wanted:
            self._head_end = self._received.find(b"\r\n\r\n")
            if self._head_end < 0:
                return
            self._wanted = self._head_end + 4 + self._length(self._received[: self._head_end])
        if len(self._received) < self._wanted:
            return
        head, body = self._received[: self._head_end], self._received[self._head_end + 4 : self._wanted]
        self._received, self._wanted = b"", 0
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(int(head[9:12]), head, body, time.perf_counter()))

    @staticmethod
    def _length(head: bytes) -> int:
        start = head.find(b"\r\ncontent-length: ")
        if start >= 0:
            end = head.find(b"\r\n", start + 18)
            return int(head[start + 18 : end if end >= 0 else None])
        if b"\r\ntransfer-encoding" in head:
            raise ValueError("the server answered in chunks, which this client does not read")
        return 0

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("the server closed the connection"))

    def close(self) -> None:
        """Close the connection and drop a pending request."""
        self._answer = None
        self._transport.abort()


async def connect(port: int, number: int = 0) -> Connection:
    """Open a connection to the server. `number` chooses the source address."""
    loop = asyncio.get_running_loop()
    source = f"127.0.0.{1 + number // PER_SOURCE}"
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port, local_addr=(source, 0))
    return connection


async def connect_many(port: int, count: int, *, at_once: int = 100) -> list[Connection]:
    """Open `count` connections, `at_once` at a time."""
    connections: list[Connection] = []
    for start in range(0, count, at_once):
        batch = range(start, min(count, start + at_once))
        connections += await asyncio.gather(*(connect(port, number) for number in batch))
    return connections


async def ask_many(connections: Iterable[Connection], data: Iterable[bytes], *, wanted: int = 200) -> list[Answer]:
    """Send one request on each connection at the same time. Raises ValueError if a status is not `wanted`."""
    answers = await asyncio.gather(*(one.ask(what) for one, what in zip(connections, data, strict=True)))
    for answer in answers:
        require(answer, wanted)
    return answers


def require(answer: Answer, wanted: int) -> Answer:
    """Return the answer. Raises ValueError if its status is not `wanted`, so that no benchmark measures errors."""
    if answer.status != wanted:
        raise ValueError(f"expected {wanted}, got {answer.status}: {answer.body[:300]!r}")
    return answer
