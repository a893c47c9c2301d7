"""Opening uploaded pictures in a separate process, one at a time."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

from talkd.areas.avatars.decoding import LENGTH, OK, NotAnImage
from talkd.core.errors import Throttled
from talkd.core.log import Log
from talkd.environment import PREFIX

log = Log(__name__)

SECONDS = 30
"""Time limit for one picture. Its CPU time is limited too, but on a busy machine the limit is reached later."""
MAX_WAITING = 8
"""Maximum number of pictures that wait. Each keeps its file in memory."""
_PROGRAM = ("-P", "-m", "talkd.areas.avatars.decoding")


class Decoder:
    """A process that opens pictures. It starts with the first one, and ends if one takes too much time or memory."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def normalised(self, content: bytes) -> bytes:
        """Return an uploaded picture as `decoding.normalised` does.

        Raises NotAnImage, and Throttled while too many pictures wait.
        """
        if self._waiting >= MAX_WAITING:
            raise Throttled(SECONDS)
        self._waiting += 1
        try:
            async with self._turn:
                status, answer = await self._ask(content)
        finally:
            self._waiting -= 1
        if status != OK:
            raise NotAnImage(answer.decode())
        return answer

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()

    async def _ask(self, content: bytes) -> tuple[bytes, bytes]:
        try:
            async with asyncio.timeout(SECONDS):
                process = self._process = self._process or await _start()
                return await _exchange(process, content)
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            log.warning("picture_took_too_much", bytes=len(content), error=type(error).__name__)
            raise NotAnImage("The image takes too much memory or time to open") from error
        except BaseException:  # the client disconnected: its answer must not be taken for that of the next picture
            await self.close()
            raise


async def _start() -> Process:
    """Start the process without talkd's environment variables: code that opens untrusted files gets no secrets."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return await asyncio.create_subprocess_exec(
        sys.executable, *_PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, start_new_session=True
    )


async def _exchange(process: Process, content: bytes) -> tuple[bytes, bytes]:
    """Send a file to the process. Return the status and content of its answer.

    Raises OSError or EOFError if the process ends.
    """
    assert process.stdin is not None, "a pipe was asked for"
    assert process.stdout is not None, "a pipe was asked for"
    process.stdin.write(len(content).to_bytes(LENGTH, "big"))
    process.stdin.write(content)
    await process.stdin.drain()
    head = await process.stdout.readexactly(1 + LENGTH)
    return head[:1], await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
