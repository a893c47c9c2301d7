"""No acknowledged file is lost or changed when the server is killed at a random moment, and nothing is left over."""

import asyncio
import contextlib
import random
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from support.commands import run_talkd
from support.files import DAV
from support.people import data_of
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD
from support.storages import stored

NAMES = ("anna", "bela", "clara", "david")
ROUNDS = 7
"""Kills for each of the option --kills."""
FEWEST = 12
"""Changes that are acknowledged before a kill, at least."""
MOST_FILES = 12
"""Files of a client."""
SIZES = (0, 1, 1000, 300_000, 2_000_000)
LONG = 6.5
"""Seconds of a round in which the job that deletes unused contents runs."""

State = dict[str, bytes]


class Client:
    """A client that changes files of its account at random, and knows which files it must have."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self._chance = chance
        self.files: State = {}
        self._after: State = {}
        """What the files are if the change without an answer has happened."""
        self.acknowledged = 0

    async def work(self, process: Process) -> None:
        """Change files until the server is down."""
        async with self._connect(process) as http:
            with contextlib.suppress(httpx.TransportError):
                while True:
                    await self._change(http)

    def _connect(self, process: Process) -> httpx.AsyncClient:
        return process.async_client(self.name, f"{self.name}-{self.name}-{self.name}")

    async def _change(self, http: httpx.AsyncClient) -> None:
        target = f"file {self._chance.randrange(MOST_FILES)}"
        source = self._chance.choice(sorted(self.files)) if self.files else ""
        after = dict(self.files)
        kind = self._chance.choice(("PUT", "PUT", "PUT", "MOVE", "COPY", "DELETE")) if source else "PUT"
        content, headers = b"", {}
        if kind == "PUT":
            content = after[target] = self._content()
            path = target
        elif kind == "DELETE":
            path = source
            del after[source]
        else:
            if source == target:
                return
            path = source
            after[target] = after.pop(source) if kind == "MOVE" else after[source]
            headers = {"Destination": f"/remote.php/dav/files/{self.name}/{target.replace(' ', '%20')}"}
        self._after = after
        answer = await http.request(kind, self._url(path), content=content, headers=headers)
        assert answer.status_code in (201, 204), f"{kind} {answer.status_code} {answer.text}"
        self.files = after
        self.acknowledged += 1

    def _content(self) -> bytes:
        """Return random bytes, or bytes that other clients also send."""
        size = self._chance.choice(SIZES)
        return bytes(size) if self._chance.random() < 0.3 else self._chance.randbytes(size)

    def _url(self, path: str) -> str:
        return f"/remote.php/dav/files/{self.name}/{path}"

    async def check(self, process: Process) -> None:
        """Compare what the server has with what was acknowledged. The last change may have happened or not."""
        async with self._connect(process) as http:
            listed = await http.request("PROPFIND", self._url(""), headers={"Depth": "1"})
            assert listed.status_code == 207, listed.text
            found: State = {}
            for response in ET.fromstring(listed.content).iter(f"{DAV}response"):
                path = unquote(response.findtext(f"{DAV}href", "")).rpartition("/")[2]
                if path:
                    answer = await http.get(self._url(path))
                    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
                    found[path] = answer.content
                    assert len(answer.content) == int(next(response.iter(f"{DAV}getcontentlength")).text or "")
        assert found in (self.files, self._after), f"{self.name} has {sorted(found)}, and not {sorted(self.files)}"
        self.files = self._after = found


async def set_up(process: Process) -> None:
    async with process.async_client(ADMIN, ADMIN_PASSWORD) as admin:
        for name in NAMES:
            account = {"userid": name, "password": f"{name}-{name}-{name}"}
            data_of(await admin.post("/ocs/v2.php/cloud/users", data=account))


@pytest.mark.timeout(0)  # the duration depends on --kills
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_kills_lose_no_acknowledged_file(kind: str, databases: Any, tmp_path: Path, kills: int) -> None:
    config = databases.config(kind)
    config.data = str(tmp_path)
    database = {"DATABASE_URL": config.database.url} if config.database.url else {}
    settings = {"SECURITY_THROTTLE": "false", **database}
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    clients = [Client(name, random.Random(chance.random())) for name in NAMES]
    rounds = ROUNDS * kills
    for number in range(rounds):
        with Process(tmp_path, **settings) as process:
            if number == 0:
                await set_up(process)
            await asyncio.gather(*(client.check(process) for client in clients))
            working = [asyncio.create_task(client.work(process)) for client in clients]
            enough = sum(client.acknowledged for client in clients) + FEWEST
            await asyncio.sleep(LONG if number % ROUNDS == ROUNDS - 1 else chance.uniform(0.05, 0.5))
            async with asyncio.timeout(60):  # a busy machine takes longer
                while sum(client.acknowledged for client in clients) < enough:  # noqa: ASYNC110 - the server answers
                    await asyncio.sleep(0.005)
            process.kill()
            await asyncio.gather(*working)
    left = stored(config)
    command = ("files", "check", "--age", "0")
    where = {"DATA": str(tmp_path), **database}
    done = await asyncio.to_thread(run_talkd, *command, "--repair", **where)
    assert done.returncode == 0, done.stdout
    with Process(tmp_path, **settings) as process:
        await asyncio.gather(*(client.check(process) for client in clients))
    done = await asyncio.to_thread(run_talkd, *command, **where)
    assert done.returncode == 0, done.stdout
    assert "Everything is there." in done.stdout
    different = {content for client in clients for content in client.files.values()}
    unused = len(stored(config)) - len(different)
    assert 0 <= unused <= len(left), "contents of files are missing"
    print(
        f"{rounds} kills, {sum(client.acknowledged for client in clients)} changes, {len(left) - len(stored(config))}"
        f" left behind, {unused} without a use"
    )
