"""Servers in processes of their own, which can be killed."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from support.running import HEADERS, free_port

API = "/ocs/v2.php/apps/spreed/api"
ADMIN = ("admin", "administrator-administrator")


class Process:
    """A durable `talkd serve` on a data folder."""

    def __init__(self, folder: Path, *program: str | Path, **settings: str) -> None:
        """`program` starts another talkd than the checkout's; `settings` are environment variables without `TALKD_`."""
        self.folder = folder
        self.port = free_port()
        clean = {key: value for key, value in os.environ.items() if not key.startswith("TALKD_")}
        self._log = (folder / "output.log").open("ab")
        self.popen = subprocess.Popen(
            [*(program or (sys.executable, "-m", "talkd")), "serve", "--data", str(folder), "--port", str(self.port)],
            env=clean | {f"TALKD_{name}": value for name, value in ({"ADMIN_PASSWORD": ADMIN[1]} | settings).items()},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def client(self, name: str, password: str) -> httpx.AsyncClient:
        """Somebody with a device of their own."""
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            auth=(name, password),
            headers=HEADERS,
            timeout=40,
            limits=httpx.Limits(max_connections=None),
            verify=False,
        )

    async def await_health(self) -> None:
        """Returns once it answers."""
        async with self.client(*ADMIN) as client:
            for _ in range(600):
                assert self.popen.poll() is None, (self.folder / "output.log").read_text()
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/healthz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)
        raise AssertionError("it does not start")

    def kill(self) -> None:
        """As in a power cut, as far as a process can tell."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self._log.close()


@contextlib.asynccontextmanager
async def running(folder: Path, *program: str | Path, **settings: str) -> AsyncIterator[Process]:
    process = Process(folder, *program, **settings)
    try:
        await process.await_health()
        yield process
    finally:
        process.kill()


def done(answer: httpx.Response) -> Any:
    """The data of an answer that must be a good one."""
    assert answer.status_code < 300, answer.text
    return answer.json()["ocs"]["data"]
