"""One connection of a client, which speaks HTTP/1: reads requests and runs the application for one after the other."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

import httptools

from talkd.core.log import Log
from talkd.core.streams import Sendable
from talkd.web import streaming
from talkd.web.deadlines import unsent_of
from talkd.web.request import Request, framing_of, refusal

if TYPE_CHECKING:
    from talkd.web.http import HttpServer

log = Log(__name__)

MAX_HEAD = 32_768
"""Maximum size of the first line and the headers of a request in bytes."""
HIGH_WATER = 65_536
"""Bytes of a body that may wait to be read by the application, before nothing more is read from the connection."""
_NAMES = {
    name: name.lower()
    for name in (
        b"Accept", b"Accept-Encoding", b"Accept-Language", b"Authorization", b"Connection", b"Content-Length",
        b"Content-Type", b"Cookie", b"Host", b"If-None-Match", b"OCS-APIRequest", b"Origin", b"Referer", b"User-Agent",
        b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Requested-With",
    )
}  # fmt: skip
NAMES = _NAMES | {name: name for name in _NAMES.values()}
"""Common names of headers in lower case. Thousands of waiting requests share them."""


class Refused(Exception):
    """The request's head is refused with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Connection(asyncio.Protocol):
    """A connection that speaks HTTP/1. The attributes whose names begin with `on_` are called by the parser."""

    __slots__ = (
        "_client",
        "_current",
        "_head",
        "_head_size",
        "_is_deaf",
        "_is_in_head",
        "_is_last",
        "_is_write_paused",
        "_parser",
        "_queue",
        "_receiving",
        "_server",
        "_taken",
        "_target",
        "_transport",
        "_unsent",
        "_websocket",
    )

    def __init__(self, server: "HttpServer") -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._client = "127.0.0.1"
        self._parser: Any = None
        """The parser of a request that is arriving. A waiting or idle connection has none, which saves a kilobyte."""
        self._is_deaf = False
        """Whether nothing that arrives matters any more."""
        self._is_in_head = False
        self._head: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._target = b""
        self._receiving: Request | None = None
        """The request whose body arrives."""
        self._current: Request | None = None
        """The request that the application handles."""
        self._queue: deque[Request] | None = None
        """The requests that arrived before the current one was answered."""
        self._is_write_paused = False
        self._taken: asyncio.Future[None] | None = None
        """Ends when the client has taken most of what was written, while a stream waits for that."""
        self._is_last = False
        """Whether the connection is closed when the client has taken the answer."""
        self._unsent = 0
        """The bytes that waited for the client at the last look."""
        self._websocket: asyncio.Protocol | None = None
        """What takes the connection over after this request."""

    # --- what the event loop calls -----------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if peer:  # a Unix socket has none
            self._client = peer[0]
        self._server.connections.add(self)
        if self._server.is_stopping:  # it may have ended its last look at connections, so nothing would cut this one
            self._is_deaf = True
            self._transport.write(refusal(503))
            self._transport.close()
        elif self._server.is_full:
            self._refuse(503)
        else:
            self._server.idle.add(self)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpRequestParser(self)
            parser.set_dangerous_leniencies(lenient_data_after_close=True)  # it is ignored, instead of an error
        unfinished = self._head if self._is_in_head else None
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._refuse(error.__context__.status if isinstance(error.__context__, Refused) else 400)
        except httptools.HttpParserError:
            self._refuse(400)
        if not self._is_in_head:
            if self._receiving is None:
                self._parser = None
        elif unfinished is self._head:
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._refuse(431)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class has it
        self._server.connections.discard(self)
        self._server.idle.discard(self)
        self._server.unread.discard(self)
        self._server.lingering.discard(self)
        self._parser, self._is_deaf = None, True
        self._queue = None
        self._stop_waiting()
        for request in (self._current, self._receiving):
            if request is not None and not request.is_gone:
                request.break_off()

    def eof_received(self) -> bool:
        """Return True, which keeps the other direction open, if a body has ended too early: the client gets an answer.

        A client that closes its side while it waits for an answer has hung up.
        """
        request, self._is_deaf = self._receiving, True
        if request is None or not self._transport.can_write_eof():  # TLS ends both directions
            return False
        request.break_off()
        return True

    def pause_writing(self) -> None:
        self._is_write_paused = True
        self.control_reading()

    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._stop_waiting()
        if self._is_last:
            self._end()
        else:
            self._go_on()

    # --- what the server calls ---------------------------------------------------------------
    def shutdown(self) -> None:
        """Close the connection, if it has a request after the answer to that."""
        if self._current is not None:
            self._current.keeps_alive = False
        elif not self._is_deaf:
            self._close(is_heard=True)

    @property
    def unsent(self) -> int:
        """The bytes that wait for the client."""
        return unsent_of(self._transport)

    def require_reading(self) -> None:
        """Cut the connection if the client has taken nothing since the last look."""
        before, self._unsent = self._unsent, self.unsent
        if self._unsent == before:
            self.cut()
        elif self._unsent:
            self._server.unread.add(self)
        elif self._is_last:
            self._server.lingering.add(self)

    def cut(self) -> None:
        """Close the connection at once. A client that has not sent its whole request learns that it had no effect."""
        if self._current is not None and not self._current.has_ended and not self._is_deaf:
            self._transport.write(refusal(503))
        # A file that is being sent stops first: asyncio must not watch its socket any more when that is closed.
        if self._current is not None and self._current.task is not None:
            self._current.task.cancel()
        self._transport.abort()

    # --- what the parser calls ---------------------------------------------------------------
    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._head, self._head_size, self._target = [], 0, b""

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:  # trailers are ignored
            return
        self._head_size += len(name) + len(value) + 4
        if self._head_size > MAX_HEAD:
            raise Refused(431)
        self._head.append((NAMES.get(name) or name.lower(), value))

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_size + len(self._target) > MAX_HEAD:
            raise Refused(431)
        parser, server = self._parser, self._server
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise Refused(400)
        self._require_clear_head()
        method = parser.get_method().decode()
        path, query = self._parse_target(method)
        if method == "GET" and parser.should_upgrade() and self._asks_for_websocket():
            self._websocket = server.websockets(unquote(path), server.connections) if server.websockets else None
            if self._websocket is not None:
                return
        request = self._receiving = Request(
            self,
            self._head,
            method=method,
            scheme=server.scheme,
            version=version,
            path=unquote(path),
            raw_path=path,
            query=query.decode("latin-1"),
            client=self._client,
            keeps_alive=parser.should_keep_alive(),
        )
        self._head = []
        if self._current is None and not self._is_write_paused:
            self._begin(request)
        else:
            if self._queue is None:
                self._queue = deque()
            self._queue.append(request)
            self.control_reading()

    def _require_clear_head(self) -> None:
        """Refuse what a proxy in front may read in another way: a second host, or an encoding besides `chunked`."""
        if [name for name, _ in self._head].count(b"host") > 1:
            raise Refused(400)
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in self._head):
            raise Refused(400)

    def _parse_target(self, method: str) -> tuple[bytes, bytes]:
        """Return path and query of the request. An absolute target also replaces the Host header.

        A fragment is ignored when something is read. Otherwise it is refused: whoever means the file `a#b` and does not
        encode the name must not delete `a`.
        """
        target = self._target
        if b"#" in target and method not in ("GET", "HEAD"):
            raise Refused(400)
        if target[:1] != b"/":
            if target == b"*":
                return b"*", b""
            if method == "CONNECT":
                raise Refused(405)
            parts = httptools.parse_url(target)
            host = parts.host + (b":%d" % parts.port if parts.port else b"")
            self._head = [(b"host", host), *(header for header in self._head if header[0] != b"host")]
            return parts.path or b"/", parts.query or b""
        path, _, query = target.partition(b"#")[0].partition(b"?")
        return path, query

    def on_body(self, part: bytes) -> None:
        request = self._receiving
        if request is not None and not request.is_answered:
            request.add(part)
            if request.size > HIGH_WATER:
                self.control_reading()

    def on_message_complete(self) -> None:
        if self._receiving is not None:
            self._receiving.end()
            self._receiving = None

    # --- requests, one after the other ---------------------------------------------------------
    def _begin(self, request: Request) -> None:
        self._current = request
        self._server.idle.discard(self)
        loop = self._server.loop
        request.began = loop.time()
        request.task = loop.create_task(self._run(request))

    async def _run(self, request: Request) -> None:
        try:
            await self._server.application(request)
        except Exception:
            log.exception("request_failed", method=request.method)
        if not request.is_answered and not self._transport.is_closing():
            self._refuse(500)
        request.task = None

    def write(self, data: bytes) -> None:
        """Write to the client."""
        self._transport.write(data)

    def finish(self, request: Request, answer: bytes) -> None:
        """Write the answer of the current request. Then handle the next request, or close the connection."""
        if self._transport.is_closing():
            return
        self._transport.write(answer)
        self._note_unsent()
        self._current = None
        if request.keeps_alive:
            self._go_on()
        else:
            self._close(is_heard=request.has_ended)

    async def finish_with(self, request: Request, head: bytes, stream: Sendable) -> None:
        """Write the answer of the current request, whose body is a stream. Cut the connection if that fails."""
        if self._transport.is_closing():
            return
        self._transport.write(head)
        try:
            in_chunks = stream.size is None and request.version == "1.1"
            await streaming.send(self._transport, stream, self._until_taken, in_chunks=in_chunks)
        except OSError:
            self._transport.abort()
        except BaseException:
            self._transport.abort()
            raise
        else:
            self.finish(request, b"")

    async def _until_taken(self) -> None:
        """Wait until the client has taken most of what was written. Raises ConnectionError if it has hung up."""
        if self._is_write_paused and not self._transport.is_closing():
            self._taken = self._server.loop.create_future()
            await self._taken
        if self._transport.is_closing():
            raise ConnectionResetError("the client has hung up")

    def _stop_waiting(self) -> None:
        if self._taken is not None and not self._taken.done():
            self._taken.set_result(None)
        self._taken = None

    def _note_unsent(self) -> None:
        """Give the client some time if it has not taken all."""
        unsent = self.unsent
        if unsent and self not in self._server.unread:
            self._unsent = unsent
            self._server.unread.add(self)

    def _go_on(self) -> None:
        if self._current is None and not self._is_write_paused and not self._is_deaf:
            if self._queue:
                self._begin(self._queue.popleft())
            else:
                self._server.idle.add(self)
        self.control_reading()

    def control_reading(self) -> None:
        """Read from the connection unless the client has to wait for something."""
        receiving = self._receiving
        if self._queue or self._is_write_paused or (receiving is not None and receiving.size > HIGH_WATER):
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _refuse(self, status: int) -> None:
        """Answer what is not a request, and close the connection."""
        self._parser, self._is_deaf = None, True
        if self._current is not None and not self._current.is_answered and status != 500:
            self._current.keeps_alive = False
            if not self._current.has_ended:
                self._current.break_off()
            return
        self._transport.write(refusal(status))
        self._close(is_heard=False)

    def _close(self, *, is_heard: bool) -> None:
        """Close the connection. A client that is not heard to the end may still send, and then reads the answer."""
        self._parser = self._queue = self._receiving = self._current = None
        self._is_deaf = True
        self._server.idle.discard(self)
        if is_heard:
            self._is_last = True
            if not self._is_write_paused:  # TLS would lose what has not been written
                self._end()
            return
        self._transport.resume_reading()
        if self._transport.can_write_eof():  # TLS cannot
            with suppress(OSError):  # the client may have just hung up
                self._transport.write_eof()
        self._server.lingering.add(self)

    def _end(self) -> None:
        """Close the connection when the client has taken everything."""
        self._transport.close()
        self._note_unsent()
        if self not in self._server.unread:
            self._server.lingering.add(self)
            if self._server.is_stopping:  # it need not wait until the client confirms the end of TLS
                self._server.connections.discard(self)

    # --- WebSocket ---------------------------------------------------------------------------
    def _asks_for_websocket(self) -> bool:
        """Return True if the client asks for a WebSocket. Such a request has no body."""
        if framing_of(dict(self._head))[0] != 0:
            return False
        return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in self._head)

    def _upgrade(self, rest: bytes) -> None:
        """Pass the connection on if it becomes a WebSocket. Other upgrades are ignored."""
        websocket = self._websocket
        if websocket is None:
            if rest:
                self.data_received(rest)
            return
        if self._current is not None:
            self._refuse(400)
            return
        lines = [b"%b %b HTTP/1.1" % (self._parser.get_method(), self._target)]
        lines += [b"%b: %b" % header for header in self._head]
        self._parser = None
        self._server.idle.discard(self)
        self._server.connections.discard(self)
        self._transport.set_protocol(websocket)
        websocket.connection_made(self._transport)
        websocket.data_received(b"\r\n".join([*lines, b"", rest]))


def unquote(path: bytes) -> str:
    """Return the decoded path, with U+FFFD for bytes that are not UTF-8."""
    return (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", "replace")
