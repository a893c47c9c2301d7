"""Opening untrusted files in a separate process, one at a time, of each account in turn."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec

from talkd.areas.pictures.decoding import LENGTH
from talkd.areas.pictures.model import (
    Answer,
    Avatar,
    Describe,
    Description,
    NotAnImage,
    Order,
    Picture,
    Preview,
    Refusal,
    TookTooMuch,
)
from talkd.areas.pictures.turns import Turns
from talkd.core.errors import storage_error
from talkd.core.log import Log
from talkd.core.streams import FilePart, Parts, Stream
from talkd.environment import PREFIX

log = Log(__name__)

SECONDS = 30
"""Time limit for one file. Its CPU time is limited too, but on a busy machine the limit is reached later."""
MAX_COPIED = 134_217_728
"""Maximum size in bytes of a file that is not on this machine, and is copied to its disk to be opened."""
MAX_ANSWER = 67_108_864
"""Maximum size of an answer in bytes."""
_PROGRAM = ("-P", "-m", "talkd.areas.pictures.decoding")
_MEMORY_IS_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "1048576"}
"""Otherwise glibc keeps some of the memory of large pictures, and the next ones reach the limit sooner."""
_TOO_MUCH = "The image takes too much memory or time to open"

_read: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)

Source = Callable[[], Awaitable[Stream]]
"""Opens a file when it is its turn."""


class _Helper(msgspec.Struct, frozen=True, eq=False):
    """The running process, and the socket to it."""

    process: Process
    channel: socket.socket
    answers: asyncio.StreamReader
    orders: asyncio.StreamWriter


class Decoder:
    """A process that opens files. It starts with the first one, and ends if one takes too much time or memory.

    `folder` is where copies of files are kept while they are opened.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._helper: _Helper | None = None
        self._turns = Turns()

    @property
    def pid(self) -> int | None:
        """The id of the process, or None if it does not run."""
        return self._helper.process.pid if self._helper is not None else None

    async def make(self, order: Avatar | Preview, source: Source, account: str) -> Picture:
        """Return a picture made of a file of an account. Raises the errors of `describe`."""
        made = await self._ask(order, source, account)
        assert isinstance(made, Picture), "an order for a picture is answered with one"
        return made

    async def describe(self, source: Source, account: str) -> Description:
        """Return what is known about a picture, sound or film of an account.

        Raises NotAnImage for a picture that cannot be opened, TookTooMuch if the process was ended before it had an
        answer, Throttled while too many files wait, and the errors of the source.
        """
        made = await self._ask(Describe(), source, account)
        assert isinstance(made, Description), "an order for a description is answered with one"
        return made

    async def _ask(self, order: Order, source: Source, account: str) -> Answer:
        async with self._turns.take(account):
            with await self._as_file(await source()) as file:
                answer = await self._exchange(order, file)
        if isinstance(answer, Refusal):
            raise NotAnImage(answer.reason)
        return answer

    async def _as_file(self, stream: Stream) -> BinaryIO:
        if isinstance(stream, FilePart):
            return stream.file
        async with aclosing(stream.parts) as parts:
            if stream.size > MAX_COPIED:
                raise NotAnImage("The file is too large")
            try:
                return await self._copied(parts)
            except OSError as error:
                log.warning("picture_not_copied", error=str(error))
                raise storage_error(error) from error

    async def _copied(self, parts: AsyncIterator[bytes]) -> BinaryIO:
        file: BinaryIO = await asyncio.to_thread(TemporaryFile, dir=self._folder)
        try:
            async for part in parts:
                await asyncio.to_thread(file.write, part)
            file.flush()
        except BaseException:
            with suppress(OSError):  # closing writes what is left
                file.close()
            raise
        return file

    async def close(self) -> None:
        """End the process."""
        helper, self._helper = self._helper, None
        if helper is None:
            return
        helper.orders.close()
        if helper.process.returncode is None:
            helper.process.kill()
        await helper.process.wait()

    async def _exchange(self, order: Order, file: BinaryIO) -> Answer:
        try:
            async with asyncio.timeout(SECONDS):
                helper = self._helper = self._helper or await _start()
                return _read.decode(await _exchange(helper, order, file))
        except (OSError, EOFError, TimeoutError, msgspec.ValidationError, msgspec.DecodeError) as error:
            await self.close()
            log.warning("picture_took_too_much", order=type(order).__name__, error=type(error).__name__)
            raise TookTooMuch(_TOO_MUCH) from error
        except BaseException:  # the client disconnected: its answer must not be taken for that of the next file
            await self.close()
            raise


async def _start() -> _Helper:
    """Start the process without talkd's environment variables: code that opens untrusted files gets no secrets."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= _MEMORY_IS_GIVEN_BACK
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *_PROGRAM,
            stdin=theirs.fileno(),
            stdout=DEVNULL,
            stderr=DEVNULL,
            env=environment,
            start_new_session=True,
        )
    answers, orders = await asyncio.open_connection(sock=ours)
    return _Helper(process, ours, answers, orders)


async def _exchange(helper: _Helper, order: Order, file: BinaryIO) -> bytes:
    """Send a file to the process, and return its answer. Raises OSError or EOFError if the process ends."""
    file.seek(0)
    # No other order is on the way, so the small message fits into the buffer of the socket.
    socket.send_fds(helper.channel, [msgspec.msgpack.encode(order)], [file.fileno()])
    length = int.from_bytes(await helper.answers.readexactly(LENGTH), "big")
    if length > MAX_ANSWER:
        raise OSError("the answer is too large")
    return await helper.answers.readexactly(length)


def source_of(content: bytes) -> Source:
    """Return the source of a file in memory."""

    async def parts() -> AsyncGenerator[bytes, None]:
        yield content

    async def open_() -> Stream:
        return Parts(parts(), len(content))

    return open_
