"""Unix sockets as the bus: for the workers of one machine (`talkd serve --workers N`).

Each worker listens on a socket in a common folder, and connects to those of all others. No message passes through a
third process. Measured, this is faster than NATS on one machine, and it needs no other server
(docs/adr/0017-several-processes.md).
"""

import asyncio
import contextlib
from pathlib import Path

from talkd.bus.interface import Bus
from talkd.core.log import Log

LENGTH = 4
"""Bytes of the length before each message."""
MAX_MESSAGE = 64 * 1024 * 1024
MAX_UNSENT = 64 * 1024 * 1024
"""Bytes that may wait for a worker that does not read. If there are more, its connection is cut."""
LOOK_SECONDS = 0.25
"""Seconds between two looks for new workers."""
CLOSE_SECONDS = 2.0
"""How long a worker that stops waits until the others have taken its last messages."""
SUFFIX = ".sock"

log = Log(__name__)


class _Link(asyncio.Protocol):
    """The connection to another worker. Its first message is the other one's number."""

    def __init__(self, bus: "SocketBus", process: int) -> None:
        self._bus, self.process = bus, process
        self._unread = bytearray()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who this is."""
        assert isinstance(transport, asyncio.Transport), "Unix sockets are streams"
        self.transport = transport
        transport.set_write_buffer_limits(high=MAX_UNSENT)
        self.send(str(self._bus.process).encode())
        if self.process:
            self._bus.keep(self)

    def data_received(self, data: bytes) -> None:
        """Hand on the messages that are whole."""
        self._unread += data
        begin = 0
        while len(self._unread) - begin >= LENGTH:
            size = int.from_bytes(self._unread[begin : begin + LENGTH], "big")
            if size > MAX_MESSAGE:
                self.cut()
                return
            end = begin + LENGTH + size
            if len(self._unread) < end:
                break
            self._take(bytes(self._unread[begin + LENGTH : end]))
            begin = end
        del self._unread[:begin]

    def _take(self, message: bytes) -> None:
        if self in self._bus.greeted:
            self._bus.receive(message)
            return
        self.process = int(message)
        self._bus.greeted.add(self)
        self._bus.keep(self)

    def send(self, message: bytes) -> None:
        """Send a message."""
        if self.transport is None or self.transport.is_closing():
            return
        self.transport.write(len(message).to_bytes(LENGTH, "big") + message)
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            log.warning("worker_too_slow", worker=self.process)
            self.cut()

    def end(self) -> "asyncio.Future[None]":
        """End the connection after what was sent. Return what ends with it."""
        if self.transport is not None:
            self.transport.close()
        return self._lost

    def cut(self) -> None:
        """End the connection."""
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class has it
        """Forget the worker."""
        self._lost.set_result(None)
        self._bus.forget(self)


class SocketBus(Bus):
    """The sockets of the workers below a folder that only their user may enter."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"workers {folder}")
        self._folder = folder
        self.process = 0
        self.greeted: set[_Link] = set()
        """The links whose other end is known."""
        self._links: dict[int, _Link] = {}
        self._server: asyncio.Server | None = None
        self._looking: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._server is not None

    async def open(self, process: int, installation: str) -> None:  # noqa: ARG002 - a folder has one installation
        self.process = process
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Link(self, 0), str(self._path(process)))
        await self._look()
        self._looking = asyncio.ensure_future(self._keep_looking())

    def _path(self, process: int) -> Path:
        return self._folder / f"{process}{SUFFIX}"

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        """Connect to the workers that were not there before.

        Two workers that start together may connect to each other. Each then sends on the connection it knew first.
        """
        for path in await asyncio.to_thread(lambda: list(self._folder.glob(f"*{SUFFIX}"))):
            number = int(path.name.removesuffix(SUFFIX))
            if number == self.process or number in self._links:
                continue
            try:
                await asyncio.get_running_loop().create_unix_connection(
                    lambda number=number: _Link(self, number),  # type: ignore[misc]
                    str(path),
                )
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)  # it was killed
            except OSError as error:
                log.debug("worker_unreachable", worker=number, error=str(error))

    def keep(self, link: _Link) -> None:
        """Use a link for messages to its worker."""
        self._links.setdefault(link.process, link)

    def forget(self, link: _Link) -> None:
        """Stop using a link that was lost."""
        self.greeted.discard(link)
        if self._links.get(link.process) is link:
            del self._links[link.process]

    def send(self, message: bytes, to: int | None = None) -> None:
        if to is not None:
            link = self._links.get(to)
            if link is not None:
                link.send(message)
            return
        for link in list(self._links.values()):
            link.send(message)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        server, self._server = self._server, None
        if server is not None:
            server.close()
        ends = [link.end() for link in {*self.greeted, *self._links.values()}]
        if ends:
            await asyncio.wait(ends, timeout=CLOSE_SECONDS)
        with contextlib.suppress(OSError):
            self._path(self.process).unlink(missing_ok=True)
