"""Running the checks of `talkd doctor` in another process: they load what a server does not need, and take seconds."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

import msgspec

from talkd.areas.operations.view import FindingView
from talkd.config import Config
from talkd.core.errors import Unavailable
from talkd.core.json import UNREADABLE
from talkd.core.log import Log

log = Log(__name__)

SECONDS = 90
"""How long the checks may take. They read the whole file of a SQLite database."""
_PROGRAM = ("-P", "-m", "talkd.cli.examination")


class Doctor:
    """Runs the checks, once for all who ask at the same time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._running: asyncio.Task[list[FindingView]] | None = None

    async def examine(self) -> list[FindingView]:
        """Return what the checks find. Raises Unavailable if they take too long or end without an answer."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def close(self) -> None:
        """End the checks that are running."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait((self._running,))

    async def _run(self) -> list[FindingView]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *_PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
        try:
            async with asyncio.timeout(SECONDS):
                answer, _ = await process.communicate(msgspec.json.encode(self._config))
            return msgspec.json.decode(answer, type=list[FindingView])
        except (TimeoutError, *UNREADABLE) as error:
            log.warning("checks_failed", error=type(error).__name__)
            raise Unavailable(SECONDS, message="The checks gave no result: run talkd doctor on the server.") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
