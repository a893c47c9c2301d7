"""`talkd serve` as a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

PASSWORD = "correct horse battery"
OCS = {"OCS-APIRequest": "true", "Accept": "application/json"}
API = "/ocs/v2.php/apps/spreed/api"


class Served:
    """`talkd serve` as a process."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TALKD_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "talkd", "serve", "--port", str(self.port), "--data", str(folder), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**clean, **environment},
        )
        self.output = ""

    def __enter__(self) -> Self:
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{self.url}/healthz", timeout=2)
                return self
            time.sleep(0.05)
        raise AssertionError(f"it did not start: {self.stop()}")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> str:
        """Ends it like a supervisor does; everything it printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            printed, _ = self.process.communicate(timeout=20)
            self.output += printed
        except ValueError:  # read before
            pass
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.output

    def ask(self, method: str, path: str, user: str, password: str, **options: Any) -> httpx.Response:
        """One request as somebody."""
        return httpx.request(method, self.url + path, auth=(user, password), headers=OCS, timeout=40, **options)
