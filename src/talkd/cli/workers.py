"""`talkd serve --workers N`: a process that starts the workers, replaces those that die, and stops them.

It opens the sockets before it starts them, so no connection is refused while a worker is replaced. It answers no
request itself.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from socket import socket
from types import FrameType

import msgspec

from talkd.core.log import Log

STOP_SECONDS = 20.0
"""How long workers may take to stop. Those that take longer are killed."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a worker that has died is replaced: longer each time, if the next one dies soon."""
SOON = 30.0
LOOK_SECONDS = 0.1
ONE_SIGNAL = 0.5
"""Seconds within which two signals to stop count as one: some supervisors signal a process and also its group."""

log = Log(__name__)


def list_stop_signals() -> list[signal.Signals]:
    """Return the signals that stop the server. `nohup` ignores SIGHUP, and that stays so."""
    numbers = [signal.SIGTERM, signal.SIGINT]
    return numbers if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [*numbers, signal.SIGHUP]


class Post(msgspec.Struct, frozen=True):
    """What a worker gets from the process that has started it. The numbers are file descriptors."""

    folder: str
    """Where the workers find each other."""
    sockets: list[int]
    """The sockets to listen on."""
    ready: int
    """A pipe to write to when requests are answered."""
    alive: int
    """A pipe that is closed when the process that has started the worker ends."""

    def open_sockets(self) -> list[socket]:
        """Return the sockets to listen on."""
        return [socket(fileno=each) for each in self.sockets]


class _Worker:
    """A place for a worker, and the process that has it now."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = -1
        """The pipe on which it says that it answers requests, or -1."""
        self.is_ready = False
        """Whether a worker in this place has answered requests. Then the settings are right, and the next one will."""
        self.began = 0.0
        self.pause = 0.0
        """Seconds before the next start."""
        self.next_start = 0.0

    def put_off(self) -> None:
        """Start the next process after a pause, which is longer than the one before."""
        self.pause = min(self.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
        self.next_start = time.monotonic() + self.pause


class Workers:
    """The workers of a server."""

    def __init__(self, count: int, sockets: Sequence[socket], words: Sequence[str]) -> None:
        """`words`: the arguments of the command, which the workers get too."""
        self._sockets, self._words = sockets, words
        self._workers = [_Worker(number) for number in range(1, count + 1)]
        self._stopping_since: float | None = None
        self._is_in_haste = False
        self._alive, self._alive_here = os.pipe()

    def run(self) -> int:
        """Keep the workers running until a signal to stop. Return the exit status. A second signal kills the workers.

        A worker that ends before it answers requests has refused the settings or the database: then all stop.
        """
        for number in list_stop_signals():
            signal.signal(number, self._note_signal)
        with tempfile.TemporaryDirectory(prefix="talkd-", ignore_cleanup_errors=True) as folder:
            status = 0
            while self._stopping_since is None and not status:
                status = self._look(folder)
                time.sleep(LOOK_SECONDS)
            self._stop()
        return status or int(self._is_in_haste)

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._stopping_since is None:
            self._stopping_since = now
        elif now > self._stopping_since + ONE_SIGNAL:
            self._is_in_haste = True

    def _look(self, folder: str) -> int:
        """Start the workers that are due. Return the exit status of one that could not begin, or 0."""
        for worker in self._workers:
            process = worker.process
            if process is None:
                if time.monotonic() >= worker.next_start:
                    self._start_if_possible(worker, folder)
                continue
            self._note_ready(worker)
            status = process.poll()
            if status is None:
                continue
            worker.process = None
            if not worker.is_ready:
                return abs(status) or 1
            if time.monotonic() - worker.began > SOON:
                worker.pause = 0
            worker.put_off()
            log.error("worker_died", worker=worker.number, status=status, starts_again_in=worker.pause)
        return 0

    @staticmethod
    def _note_ready(worker: _Worker) -> None:
        if worker.ready >= 0:
            try:
                worker.is_ready |= bool(os.read(worker.ready, 1))
            except BlockingIOError:
                return
            os.close(worker.ready)
            worker.ready = -1

    def _start_if_possible(self, worker: _Worker, folder: str) -> None:
        """Start a worker. If the system has no memory or process left, try again later."""
        try:
            self._start(worker, folder)
        except OSError as error:
            worker.put_off()
            log.error("worker_not_started", worker=worker.number, reason=str(error), tries_again_in=worker.pause)  # noqa: TRY400

    def _start(self, worker: _Worker, folder: str) -> None:
        ready_here, ready = os.pipe()
        os.set_blocking(ready_here, False)
        post = Post(folder, [each.fileno() for each in self._sockets], ready, self._alive)
        try:
            worker.process = subprocess.Popen(  # noqa: S603 - the same program
                [sys.executable, "-m", "talkd", *self._words, "--as-worker", msgspec.json.encode(post).decode()],
                pass_fds=(*post.sockets, ready, self._alive),
                start_new_session=True,  # Ctrl-C reaches only this process, which stops them
            )
        except OSError:
            os.close(ready_here)
            raise
        finally:
            os.close(ready)
        if worker.ready >= 0:
            os.close(worker.ready)
        worker.ready, worker.began = ready_here, time.monotonic()

    def _stop(self) -> None:
        running = [each.process for each in self._workers if each.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        while any(process.poll() is None for process in running) and time.monotonic() < until and not self._is_in_haste:
            time.sleep(LOOK_SECONDS)
        for process in running:
            process.kill()
            process.wait()
        os.close(self._alive_here)


def read_post(text: str) -> Post:
    """Return what a worker was given."""
    return msgspec.json.decode(text, type=Post)
