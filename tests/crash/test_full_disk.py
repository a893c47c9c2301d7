"""A server whose files cannot grow: it says so, reads go on, and it recovers by itself.

The system enforces a limit on the size of files, which holds for the log as well.
"""

import asyncio
import resource
import sys
from pathlib import Path

import httpx
import pytest

from support.processes import ADMIN, API, Process, done, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")


def limit_files(process: Process, size: int) -> None:
    """Let no file of the process be written beyond this size."""
    _, most = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (size, most))


async def say(client: httpx.AsyncClient, token: str, text: str) -> httpx.Response:
    return await client.post(f"{API}/v1/chat/{token}", json={"message": text})


async def texts(client: httpx.AsyncClient, token: str) -> list[str]:
    said = done(await client.get(f"{API}/v1/chat/{token}?lookIntoFuture=0&limit=200"))
    return [each["message"] for each in reversed(said) if not each["systemMessage"]]


async def await_health(client: httpx.AsyncClient, status: int) -> None:
    """Return once the health is that. It is tried at most once a second."""
    for _ in range(600):
        if (await client.get("/healthz")).status_code == status:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"health is never {status}")


async def test_a_server_whose_files_cannot_grow_recovers_by_itself(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    async with running(tmp_path) as process, process.client(*ADMIN) as admin:
        token = str(done(await admin.post(f"{API}/v4/room", json={"roomType": 3, "roomName": "Room"}))["token"])
        for turn in range(3):
            for number in range(5):
                done(await say(admin, token, f"{turn} {number}"))
                acknowledged.append(f"{turn} {number}")
            limit_files(process, 1)
            for number in range(20):
                refused = await say(admin, token, f"refused {turn} {number}")
                assert (refused.status_code, refused.headers.get("retry-after") is not None) == (503, True)
            assert await texts(admin, token) == acknowledged
            assert done(await admin.get(f"{API}/v4/room"))
            await await_health(admin, 503)
            limit_files(process, resource.RLIM_INFINITY)
            await await_health(admin, 200)
        done(await say(admin, token, "last"))
        acknowledged.append("last")
        process.kill()
    async with running(tmp_path) as process, process.client(*ADMIN) as admin:
        assert await texts(admin, token) == acknowledged
