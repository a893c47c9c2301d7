"""Sends the requests of the tests' clients: with few system calls, and with a parser in C.

The transport of httpx takes more time for a request than talkd does. It is still used for servers in processes of their
own, so that two clients of different origin read the answers.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress
from select import POLLIN, poll

import httptools
import httpx

Address = tuple[str, int]


class Connection:
    """An open connection. One request at a time uses it."""

    def __init__(self, address: Address, seconds: float | None) -> None:
        self.address = address
        try:
            self._socket = socket.create_connection(address, seconds)
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._waiting = poll()
        self._waiting.register(self._socket, POLLIN)

    def is_unused(self) -> bool:
        """Return whether the server has sent nothing since the last answer, not even the end of the connection."""
        return not self._waiting.poll(0)

    def ask(self, request: httpx.Request, seconds: float | None) -> "Answer":
        """Send a request and return the answer to it."""
        self._socket.settimeout(seconds)
        with suppress(BrokenPipeError, ConnectionResetError):  # a server may refuse a request before it has read all
            self._send(request)
        answer = Answer(has_body=request.method != "HEAD")
        try:
            while not answer.is_complete:
                answer.take(self._socket.recv(65536))
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        except httptools.HttpParserError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return answer

    def _send(self, request: httpx.Request) -> None:
        target = request.extensions.get("target", request.url.raw_path)
        lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target)]
        lines += [b"%b: %b" % pair for pair in request.headers.raw]
        head = b"\r\n".join((*lines, b"", b""))
        assert isinstance(request.stream, httpx.SyncByteStream)
        if "transfer-encoding" not in request.headers:
            self._socket.sendall(head + b"".join(request.stream))
            return
        self._socket.sendall(head)
        for chunk in _chunks(request.stream):
            self._socket.sendall(chunk)

    def close(self) -> None:
        """Hang up, also while another thread waits for an answer."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _chunks(body: httpx.SyncByteStream) -> Iterator[bytes]:
    for part in body:
        if part:
            yield b"%x\r\n%b\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


class Answer:
    """An answer while it arrives. httptools calls the methods `on_...`."""

    def __init__(self, *, has_body: bool) -> None:
        self._has_body = has_body
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._reason = b""
        self.is_complete = self.keeps_connection = False

    def take(self, received: bytes) -> None:
        """Read what has arrived. Nothing means that the server has closed the connection."""
        if received:
            self._parser.feed_data(received)
        elif self._is_ended_by_close():
            self.is_complete = True
        else:
            raise httpx.RemoteProtocolError("the server has closed the connection without a complete answer")

    def _is_ended_by_close(self) -> bool:
        lengths = {b"content-length", b"transfer-encoding"}
        return bool(self._headers) and not any(name.lower() in lengths for name, _ in self._headers)

    def on_message_begin(self) -> None:
        assert not self.is_complete, "the server has sent a second answer to one request"

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.keeps_connection = self._parser.should_keep_alive()
        self.is_complete = not self._has_body and self._parser.get_status_code() >= 200

    def on_body(self, part: bytes) -> None:
        assert self._has_body, "the server has sent a body in the answer to HEAD"
        self._body.append(part)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self.is_complete = True
        else:  # 1xx comes before the answer
            self._headers, self._reason = [], b""

    def response(self) -> httpx.Response:
        """Return the answer for httpx."""
        version = f"HTTP/{self._parser.get_http_version()}".encode()
        return httpx.Response(
            self._parser.get_status_code(),
            headers=self._headers,
            stream=httpx.ByteStream(b"".join(self._body)),
            extensions={"http_version": version, "reason_phrase": self._reason},
        )


class Transport(httpx.BaseTransport):
    """Sends requests over HTTP/1.1 without TLS, and keeps connections for the next ones."""

    def __init__(self) -> None:
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer. Several threads may do so."""
        if request.url.scheme != "http":
            raise httpx.UnsupportedProtocol(f"these clients cannot use {request.url.scheme}")
        timeout = request.extensions["timeout"]
        address = (request.url.host, request.url.port or 80)
        connection = self._unused(address) or self._connect(address, timeout["connect"])
        try:
            answer = connection.ask(request, timeout["read"])
        except BaseException:
            self._close(connection)
            raise
        if answer.keeps_connection:
            self._idle.append(connection)
        else:
            self._close(connection)
        return answer.response()

    def _unused(self, address: Address) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.address == address and connection.is_unused():
                return connection
            self._close(connection)
        return None

    def _connect(self, address: Address, seconds: float | None) -> Connection:
        connection = Connection(address, seconds)
        self._open.add(connection)
        return connection

    def _close(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            self._close(connection)
        self._idle.clear()
