"""A network connection that tests can cut and stall: a TCP proxy in this process."""

import asyncio
import contextlib

from support.running import LoopThread, free_port

PIECE = 65536


class Cable:
    """A proxy to a port of this machine, at `port`. It carries everything until it is cut or stalled."""

    def __init__(self, loop: LoopThread, target: int) -> None:
        self._loop, self._target = loop, target
        self.port = free_port()
        self._ends: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_cut = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = loop.run(asyncio.start_server(self._serve, "127.0.0.1", self.port))

    def cut(self) -> None:
        """End all connections with a reset, and refuse new ones."""
        self._loop.run(self._cut())

    def stall(self) -> None:
        """Carry nothing more, without a word: what is sent disappears into buffers."""
        self._loop.run(self._set(is_cut=False, flows=False))

    def heal(self) -> None:
        """Carry everything again, also what was sent meanwhile."""
        self._loop.run(self._set(is_cut=False, flows=True))

    def close(self) -> None:
        """End all connections and stop listening."""
        self._loop.run(self._close())

    async def _set(self, *, is_cut: bool, flows: bool) -> None:
        self._is_cut = is_cut
        if flows:
            self._flows.set()
        else:
            self._flows.clear()

    async def _cut(self) -> None:
        await self._set(is_cut=True, flows=True)
        for end in list(self._ends):
            end.transport.abort()

    async def _close(self) -> None:
        await self._cut()
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._ends.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self._is_cut:
                return
            await self._flows.wait()
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
            self._ends.add(far)
            ways = [asyncio.ensure_future(self._carry(*way)) for way in ((reader, far), (far_reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()
                    self._ends.discard(end)
            self._tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()
