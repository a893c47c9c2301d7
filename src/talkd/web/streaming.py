"""Send the streams of answers, no faster than the client takes them."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

from talkd.core.streams import FilePart, Sendable

SMALLEST, LARGEST = 262_144, 8_388_608
"""Bytes of a file that are sent at once: more to a client that takes them fast, because each time costs the same."""
FAST_SECONDS = 0.5
"""A client that takes a slice faster gets larger ones."""
SLICE_SECONDS = 60.0
"""How long a client may take for a slice, or for one part of another stream."""


async def send(
    transport: asyncio.Transport,
    stream: Sendable,
    until_taken: Callable[[], Awaitable[None]],
    *,
    in_chunks: bool = False,
) -> None:
    """Send a stream to a client. `until_taken` waits until the client has taken most of what was written.

    `in_chunks`: whether HTTP's chunked coding says where the stream ends. Raises ConnectionError if the client hangs
    up, TimeoutError if it takes too long, EOFError if the stream is shorter or longer than its size, and the errors of
    the stream.
    """
    if isinstance(stream, FilePart) and transport.get_extra_info("sslcontext") is None:
        await _send_file(transport, stream, until_taken)
        return
    size, sent = stream.size, 0
    async for part in _read(stream) if isinstance(stream, FilePart) else stream.parts:
        sent += len(part)
        if size is not None and sent > size:
            raise EOFError("the stream is longer than its size")
        if in_chunks:
            part = b"%x\r\n%b\r\n" % (len(part), part) if part else b""
        for at in range(0, len(part), SMALLEST):
            transport.write(part[at : at + SMALLEST])
            async with asyncio.timeout(SLICE_SECONDS):
                await until_taken()
    if size is not None and sent < size:
        raise EOFError("the stream is shorter than its size")
    if in_chunks:
        transport.write(b"0\r\n\r\n")


async def _read(part: FilePart) -> AsyncIterator[bytes]:
    """Yield a part of a file in slices."""
    at, end = part.start, part.start + part.size
    while at < end and (read := await asyncio.to_thread(os.pread, part.file.fileno(), min(SMALLEST, end - at), at)):
        at += len(read)
        yield read


async def _send_file(transport: asyncio.Transport, part: FilePart, until_taken: Callable[[], Awaitable[None]]) -> None:
    """Let the operating system send a part of a file."""
    loop, at, end, size = asyncio.get_running_loop(), part.start, part.start + part.size, SMALLEST
    # If a task is cancelled while asyncio waits for the buffer, asyncio logs an error later. So the buffer is empty.
    transport.set_write_buffer_limits(high=0)
    async with asyncio.timeout(SLICE_SECONDS):
        await until_taken()
    while at < end:
        if transport.is_closing():
            raise ConnectionResetError("the client has hung up")
        began = loop.time()
        async with asyncio.timeout(SLICE_SECONDS):
            sent = await loop.sendfile(transport, part.file, at, min(size, end - at))
        if not sent:
            raise EOFError("the file is shorter than its size")
        at += sent
        size = min(2 * size, LARGEST) if loop.time() - began < FAST_SECONDS else SMALLEST
    transport.set_write_buffer_limits()


async def close(stream: Sendable) -> None:
    """Close a stream, whether it was sent or not."""
    if isinstance(stream, FilePart):
        stream.file.close()
    else:
        with contextlib.suppress(RuntimeError):  # a task that is being cancelled may still be inside it
            await stream.parts.aclose()
