"""A server whose files cannot grow: it says so, reads go on, and it recovers by itself.

The system enforces a limit on the size of files, which holds for the log as well.
"""

import resource
import time
from pathlib import Path

import httpx

from support.parts import needs_limits
from support.people import TALK, data_of
from support.processes import Process

pytestmark = needs_limits


def limit_files(process: Process, size: int) -> None:
    """Let no file of the process be written beyond this size."""
    _, most = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (size, most))


def say(client: httpx.Client, token: str, text: str) -> httpx.Response:
    return client.post(f"{TALK}v1/chat/{token}", json={"message": text})


def texts(client: httpx.Client, token: str) -> list[str]:
    said = data_of(client.get(f"{TALK}v1/chat/{token}?lookIntoFuture=0&limit=200"))
    return [each["message"] for each in reversed(said) if not each["systemMessage"]]


def await_health(client: httpx.Client, status: int) -> None:
    """Return once the health is that. It is tried at most once a second."""
    for _ in range(600):
        if (client.get("/healthz")).status_code == status:
            return
        time.sleep(0.1)
    raise AssertionError(f"health is never {status}")


def test_a_server_whose_files_cannot_grow_recovers_by_itself(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with Process(tmp_path) as process:
        admin = process.admin
        token = str(data_of(admin.post(f"{TALK}v4/room", json={"roomType": 3, "roomName": "Room"}))["token"])
        for turn in range(3):
            for number in range(5):
                data_of(say(admin, token, f"{turn} {number}"))
                acknowledged.append(f"{turn} {number}")
            limit_files(process, 1)
            for number in range(20):
                refused = say(admin, token, f"refused {turn} {number}")
                assert (refused.status_code, refused.headers.get("retry-after") is not None) == (503, True)
            assert texts(admin, token) == acknowledged
            assert data_of(admin.get(f"{TALK}v4/room"))
            await_health(admin, 503)
            limit_files(process, resource.RLIM_INFINITY)
            await_health(admin, 200)
        data_of(say(admin, token, "last"))
        acknowledged.append("last")
        process.kill()
    with Process(tmp_path) as process:
        assert texts(process.admin, token) == acknowledged
