"""Send the streams of answers, no faster than the client takes them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from talkd.core.streams import FilePart, Stream

SLICE = 262_144
"""Bytes of a file that are sent at once."""
SLICE_SECONDS = 30.0
"""How long a client may take for such a slice, or for one part of another stream."""


async def send(transport: asyncio.Transport, stream: Stream, until_taken: Callable[[], Awaitable[None]]) -> None:
    """Send a stream to a client. `until_taken` waits until the client has taken most of what was written.

    Raises ConnectionError if the client hangs up, TimeoutError if it takes too long, EOFError if the stream is shorter
    or longer than its size, and the errors of the stream.
    """
    if isinstance(stream, FilePart):
        await _send_file(transport, stream)
        return
    left = stream.size
    async for part in stream.parts:
        left -= len(part)
        if left < 0:
            raise EOFError("the stream is longer than its size")
        transport.write(part)
        async with asyncio.timeout(SLICE_SECONDS):
            await until_taken()
    if left:
        raise EOFError("the stream is shorter than its size")


async def _send_file(transport: asyncio.Transport, part: FilePart) -> None:
    loop, at, end = asyncio.get_running_loop(), part.start, part.start + part.size
    while at < end:
        if transport.is_closing():
            raise ConnectionResetError("the client has hung up")
        async with asyncio.timeout(SLICE_SECONDS):
            sent = await loop.sendfile(transport, part.file, at, min(SLICE, end - at))
        if not sent:
            raise EOFError("the file is shorter than its size")
        at += sent


async def close(stream: Stream) -> None:
    """Close a stream, whether it was sent or not."""
    if isinstance(stream, FilePart):
        stream.file.close()
    else:
        with contextlib.suppress(RuntimeError):  # a task that is being cancelled may still be inside it
            await stream.parts.aclose()
