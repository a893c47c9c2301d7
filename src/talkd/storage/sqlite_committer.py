"""A thread that commits, so that the event loop does not wait for the disk."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Done = Callable[[Exception | None], None]


class Committer:
    """Runs `commit` in a thread, each time that it is asked to. The thread needs no pool and no locks of its own."""

    def __init__(self, commit: Callable[[], None]) -> None:
        self._commit = commit
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[Done | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="commit", daemon=True)
        self._thread.start()

    def commit(self, done: Done) -> None:
        """Commit, and then call `done` in the event loop, with the error if there is one."""
        self._asked.put(done)

    def stop(self) -> None:
        """End the thread."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (done := self._asked.get()) is not None:
            error: Exception | None = None
            try:
                self._commit()
            except Exception as raised:
                error = raised
            self._loop.call_soon_threadsafe(done, error)
