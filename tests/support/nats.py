"""NATS servers that tests start, stop and kill on ports of this machine, alone or as a cluster."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from support.parts import BUS
from support.running import free_port


class Nats:
    """A `nats-server`. It runs within the block of a `with`, between `start` and `stop`."""

    def __init__(self, folder: Path, *options: str, name: str = "nats", scheme: str = "nats") -> None:
        """Prepare it, with its log in the folder. Skip the running test if there is no `nats-server`."""
        self._program = BUS.find("nats-server")
        self.port = free_port()
        self._options, self._scheme, self._log = options, scheme, folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return self.url_with("")

    def url_with(self, login: str) -> str:
        """Return the address with a user and password, as in `user:password@`."""
        return f"{self._scheme}://{login}localhost:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def start(self) -> None:
        """Start, and wait until it accepts connections."""
        if self._process is not None:
            return
        with self._log.open("ab") as log:
            command = [self._program, "-a", "127.0.0.1", "-p", str(self.port), *self._options]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not _listens(self.port):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal, and wait for its end."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()


def cluster_of(folder: Path, count: int) -> list[Nats]:
    """Return servers that form a cluster when they are started."""
    ports = [free_port() for _ in range(count)]
    routes = ",".join(f"nats://127.0.0.1:{each}" for each in ports)
    return [
        Nats(
            folder,
            *("--cluster_name", "drill", "--cluster", f"nats://127.0.0.1:{port}", "--routes", routes, "-n", str(port)),
            name=f"nats-{port}",
        )
        for port in ports
    ]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
