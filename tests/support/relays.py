"""A TURN server: coturn, started by the tests on this machine."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from support.parts import RELAY
from support.running import free_port

SECRET = "shared with coturn"

WITH_SECRET = ("--use-auth-secret", "--static-auth-secret", SECRET)
"""The options of a coturn that gives relay addresses to those who know the secret."""


class Coturn:
    """A coturn at `address` and, with a certificate, at `tls_address`. It runs within the block of a `with`."""

    def __init__(self, folder: Path, *options: str, certificate: tuple[str, str] | None = None) -> None:
        """Prepare it, with its log in the folder. `certificate` has the paths of a chain and its key.

        Without options, it has those in WITH_SECRET.
        """
        program = RELAY.find("turnserver")
        self.port, self.tls_port = free_port(), free_port()
        self.address, self.tls_address = f"localhost:{self.port}", f"localhost:{self.tls_port}"
        self._log = folder / "coturn.log"
        self._ports = [self.port] if certificate is None else [self.port, self.tls_port]
        tls = ("--no-tls",) if certificate is None else ("--cert", certificate[0], "--pkey", certificate[1])
        self._command = [
            program,
            *("-n", "--no-cli", "--no-dtls", "--log-file", "stdout", "--simple-log"),
            *("--pidfile", str(folder / "coturn.pid"), "--userdb", str(folder / "coturn.db")),
            *("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--realm", "talk.example.org"),
            *("--listening-port", str(self.port), "--tls-listening-port", str(self.tls_port)),
            *tls,
            *(options or WITH_SECRET),
        ]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not all(map(_listens, self._ports)):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
