"""Servers in processes of their own: `talkd serve`, which can be stopped and killed.

`support.running` has the servers in this process, with the same names for the same things.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from support.running import ADMIN, ADMIN_PASSWORD, HEADERS, NO_TLS, free_port

TALKD = (sys.executable, "-m", "talkd")
"""The command that runs the talkd of this checkout."""


class Process:
    """A `talkd serve` at `url` on a data folder. `admin` is a client of its administrator.

    As a context manager, it waits until the server answers, and stops the server at the end.
    """

    def __init__(
        self,
        folder: Path,
        *words: str,
        program: Sequence[str | Path] = TALKD,
        port: str = "",
        **settings: str,
    ) -> None:
        """Start it, at a free port unless one is given. `words` are arguments of `talkd serve`; `settings` are
        environment variables without `TALKD_`.

        `program` may be another talkd than that of the checkout. A new database gets the administrator ADMIN, unless
        the setting ADMIN_PASSWORD is empty.
        """
        settings = {"ADMIN_PASSWORD": ADMIN_PASSWORD} | settings
        self.folder = folder
        self.port = int(port or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._clients: list[httpx.Client] = []
        self.admin = self.client(ADMIN, settings["ADMIN_PASSWORD"])
        self._log = folder.with_name(f"{folder.name}.log")
        """The log is beside the folder, because the server creates the folder."""
        with self._log.open("ab") as log:
            self.popen = subprocess.Popen(
                [*program, "serve", "--data", str(folder), "--port", str(self.port), *words],
                env=environment_with(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        try:
            self.await_health()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def output(self) -> str:
        """The output of all servers on this data folder."""
        return self._log.read_text()

    def await_health(self) -> None:
        """Wait until the server answers."""
        until = time.monotonic() + 60
        with httpx.Client(base_url=self.url, verify=NO_TLS, trust_env=False) as client:
            while True:
                assert self.popen.poll() is None, f"the server has stopped by itself: {self.output}"
                with contextlib.suppress(httpx.TransportError):
                    if client.get("/healthz").is_success:
                        return
                assert time.monotonic() < until, f"the server does not start: {self.output}"
                time.sleep(0.02)

    # --- its end ----------------------------------------------------------------------------
    def stop(self) -> int:
        """Stop it by SIGTERM and return its exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.wait(20)
        finally:
            self.kill()

    def wait(self, seconds: float = 30) -> int:
        """Wait until it has ended, and return its exit status."""
        return self.popen.wait(seconds)

    def kill(self) -> None:
        """Kill it, which looks like a power cut to the process."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()

    # --- people -----------------------------------------------------------------------------
    def client(self, user: str | None = None, password: str = "") -> httpx.Client:
        """Return a client with its own cookies, closed with the server. Without a user it sends no credentials."""
        made = httpx.Client(**self._options(user, password))
        self._clients.append(made)
        return made

    def async_client(self, user: str | None = None, password: str = "") -> httpx.AsyncClient:
        """Return an asynchronous client. The caller must close it."""
        return httpx.AsyncClient(**self._options(user, password), limits=httpx.Limits(max_connections=None))

    def _options(self, user: str | None, password: str) -> dict[str, Any]:
        auth = (user, password) if user is not None else None
        return {
            "base_url": self.url,
            "auth": auth,
            "headers": HEADERS,
            "verify": NO_TLS,
            "timeout": 40,
            "trust_env": False,
        }


def environment_with(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of this process with exactly these settings of talkd."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TALKD_")}
    return clean | {f"TALKD_{name}": value for name, value in settings.items()}
