"""A server on a full disk answers writes with 503, still answers reads, and recovers without a restart.

The system limits the size of its files, including the log, so that every write fails.
"""

import io
import os
import resource
import time
from pathlib import Path

import httpx
from PIL import Image

from support.parts import needs_limits
from support.people import TALK, data_of
from support.processes import Process
from support.running import ADMIN

pytestmark = needs_limits


def limit_files(process: Process, size: int) -> None:
    """Make the system refuse writes of the process beyond this file size."""
    _, most = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (size, most))


def post(client: httpx.Client, token: str, text: str) -> httpx.Response:
    return client.post(f"{TALK}v1/chat/{token}", json={"message": text})


def texts(client: httpx.Client, token: str) -> list[str]:
    messages = data_of(client.get(f"{TALK}v1/chat/{token}?lookIntoFuture=0&limit=200"))
    return [each["message"] for each in reversed(messages) if not each["systemMessage"]]


def wait_for_health(client: httpx.Client, status: int) -> None:
    """Wait until `/healthz` has this status. The server checks at most once a second."""
    for _ in range(600):
        if (client.get("/healthz")).status_code == status:
            return
        time.sleep(0.1)
    raise AssertionError(f"/healthz never answered {status}")


def test_a_server_on_a_full_disk_recovers_without_a_restart(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with Process(tmp_path) as process:
        admin = process.admin
        token = str(data_of(admin.post(f"{TALK}v4/room", json={"roomType": 3, "roomName": "Room"}))["token"])
        for turn in range(3):
            for number in range(5):
                data_of(post(admin, token, f"{turn} {number}"))
                acknowledged.append(f"{turn} {number}")
            limit_files(process, 1)
            for number in range(20):
                refused = post(admin, token, f"refused {turn} {number}")
                assert (refused.status_code, refused.headers.get("retry-after") is not None) == (503, True)
            assert texts(admin, token) == acknowledged
            assert data_of(admin.get(f"{TALK}v4/room"))
            wait_for_health(admin, 503)
            limit_files(process, resource.RLIM_INFINITY)
            wait_for_health(admin, 200)
        data_of(post(admin, token, "last"))
        acknowledged.append("last")
        process.kill()
    with Process(tmp_path) as process:
        assert texts(process.admin, token) == acknowledged


def test_every_door_says_that_the_disk_is_full(tmp_path: Path) -> None:
    files, uploads = f"/remote.php/dav/files/{ADMIN}", f"/remote.php/dav/uploads/{ADMIN}/x"
    picture = io.BytesIO()
    Image.effect_noise((2200, 2200), 90).save(picture, "PNG")
    assert 4_000_000 < len(picture.getvalue()) < 20_000_000
    with Process(tmp_path) as process:
        admin = process.admin
        token = str(data_of(admin.post(f"{TALK}v4/room", json={"roomType": 3, "roomName": "Room"}))["token"])
        assert admin.request("MKCOL", uploads).status_code == 201
        for piece in "12":
            assert admin.put(f"{uploads}/{piece}", content=os.urandom(3_000_000)).status_code == 201
        limit_files(process, 4_000_000)
        large = bytes(8_000_000)
        whole = {"Destination": f"{process.url}{files}/whole"}
        refused = {
            "file": admin.put(f"{files}/large", content=large),
            "piece": admin.put(f"{uploads}/3", content=large),
            "whole": admin.request("MOVE", f"{uploads}/.file", headers=whole),
            "form": admin.post(f"{TALK}v1/chat/{token}/attachment/send", files={"file": ("a", large)}),
            "picture of a room": admin.post(f"{TALK}v1/room/{token}/avatar", files={"file": picture.getvalue()}),
            "picture of a user": admin.post("/avatar/", files={"files[]": picture.getvalue()}),
        }
        assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 507)
        limit_files(process, resource.RLIM_INFINITY)
        assert admin.request("MOVE", f"{uploads}/.file", headers=whole).status_code == 201
        assert not [path for path in (tmp_path / "incoming").rglob("*") if path.is_file()]


def test_an_upload_that_fills_the_disk_leaves_nothing(tmp_path: Path) -> None:
    files = f"/remote.php/dav/files/{ADMIN}"
    with Process(tmp_path) as process:
        admin = process.admin
        assert admin.put(f"{files}/old", content=b"old").status_code == 201
        kept = sorted((tmp_path / "files").rglob("*"))
        limit_files(process, 4_000_000)  # the database and the log are smaller
        for number in range(3):
            refused = admin.put(f"{files}/{number}", content=bytes(8_000_000))
            assert refused.status_code == 507, refused.text
            assert admin.put(f"{files}/old", content=bytes(8_000_000)).status_code == 507
        assert [path for path in sorted((tmp_path / "files").rglob("*")) if path.is_file()] == [
            path for path in kept if path.is_file()
        ]
        assert admin.put(f"{files}/small", content=b"small").status_code == 201
        limit_files(process, resource.RLIM_INFINITY)
        assert admin.put(f"{files}/0", content=bytes(8_000_000)).status_code == 201
        assert admin.get(f"{files}/old").content == b"old"
        assert admin.get(f"{files}/0").content == bytes(8_000_000)
