"""Measure WebDAV with a tree of 200,000 files: `python -m bench.trees`, with `--postgres` on a temporary PostgreSQL.

The rows are made by a few statements. The files have no contents in the storage.
"""

import argparse
import asyncio
import base64
import http.client
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench import server as servers
from talkd.app import open_database
from talkd.areas.files import service as files
from talkd.areas.files.model import Limits
from talkd.areas.users import service as users
from talkd.areas.users.passwords import hash_password
from talkd.config import Config
from talkd.storage.database import Database, Tx
from talkd.storage.statements import Statement

USER, PASSWORD = "keeper", "keeper of a large tree"
SIZE = 1000
"""Bytes of each file."""
WIDE = {"thousand": 1000, "ten thousand": 10_000, "hundred thousand": 100_000}
LARGE, REST = 50, 39
"""Folders with many files, and the numbers of folders with a thousand in `large` and in `rest`."""
ALL = sum(WIDE.values()) + (LARGE + REST) * 1000
PROPERTIES = (
    "<d:displayname/><d:getcontenttype/><d:getcontentlength/><d:getlastmodified/><d:creationdate/><d:getetag/>"
    "<d:resourcetype/><oc:permissions/><oc:id/><oc:size/><oc:favorite/><oc:owner-id/><oc:owner-display-name/>"
    "<oc:comments-unread/><nc:is-encrypted/><nc:mount-type/><nc:has-preview/><nc:note/>"
)
ASK = (
    '<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns">'
    f"<d:prop>{PROPERTIES}</d:prop></d:propfind>"
)
"""What the Android app asks for."""

_ROWS = "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :first + :count)"
_BLOBS = Statement(
    sa.text(
        f"INSERT INTO blobs (sha256, key, size, uses) {_ROWS} SELECT 'hash' || i, 'none' || i, {SIZE}, 1 FROM n"
    ).bindparams(sa.bindparam("first", type_=sa.BigInteger), sa.bindparam("count", type_=sa.BigInteger))
)
_FILES = Statement(
    sa.text(
        "INSERT INTO entries (user_id, parent_id, name, blob_id, media_type, size, etag, created_at, modified_at) "
        f"{_ROWS} SELECT '{USER}', CAST(:folder AS bigint), 'photo ' || i || '.jpg', b.id, 'image/jpeg', {SIZE}, "
        "'etag' || i, 1700000000, 1700000000 FROM n JOIN blobs b ON b.sha256 = 'hash' || i"
    ).bindparams(
        sa.bindparam("first", type_=sa.BigInteger),
        sa.bindparam("count", type_=sa.BigInteger),
        sa.bindparam("folder", type_=sa.BigInteger),
    )
)
_GROW = Statement(
    sa.text("UPDATE entries SET size = size + :size, inside = inside + :count WHERE id = :folder").bindparams(
        *(sa.bindparam(name, type_=sa.BigInteger) for name in ("size", "count", "folder"))
    )
)
_COUNT = Statement(sa.text("SELECT count(*) FROM entries"))


async def fill(db: Database) -> None:
    """Create the account and its tree."""
    hashed = await hash_password(PASSWORD)
    await db.write(lambda tx: users.create_account(tx, USER, hashed))
    places = [
        *(((name,), count) for name, count in WIDE.items()),
        *((("large", f"folder {number}"), 1000) for number in range(LARGE)),
        *((("rest", f"folder {number}"), 1000) for number in range(REST)),
    ]
    first = 1
    for path, count in places:
        await db.write(lambda tx, path=path, count=count, first=first: _add(tx, path, count, first))  # type: ignore[misc]
        first += count


async def _add(tx: Tx, path: tuple[str, ...], count: int, first: int) -> None:
    folder = await files.ensure_folder(tx, USER, path, Limits())
    await tx.run(_BLOBS, first=first, count=count)
    await tx.run(_FILES, first=first, count=count, folder=folder.id)
    for length in range(len(path) + 1):
        here = await files.access_entry(tx, USER, path[:length])
        await tx.run(_GROW, folder=here.id, size=count * SIZE, count=count)


class Watcher(threading.Thread):
    """Asks the server for its status all the time, and remembers the longest answer since `reset`."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._longest = 0.0
        self._answered = threading.Condition()
        self.start()

    def reset(self) -> float:
        """Return the longest wait in seconds, with that of the request that is waiting now, and forget it."""
        with self._answered:
            self._answered.wait(60)
            longest, self._longest = self._longest, 0.0
        return longest

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while True:
            began = time.perf_counter()
            try:
                connection.request("GET", "/status.php")
                connection.getresponse().read()
            except OSError:
                return
            with self._answered:
                self._longest = max(self._longest, time.perf_counter() - began)
                self._answered.notify()
            time.sleep(0.002)


class Client:
    """Sends requests of the account, and prints how long they took."""

    def __init__(self, server: servers.Server) -> None:
        port = server.port
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._root = f"http://127.0.0.1:{port}/remote.php/dav/files/{USER}"
        self._login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._watcher = Watcher(port)

    def send(self, method: str, path: str, body: str = "", **headers: str) -> int:
        """Send a request, and return the size of the answer."""
        if "destination" in headers:
            headers["destination"] = self._root + headers["destination"].replace(" ", "%20")
        named = {"Authorization": f"Basic {self._login}", **headers}
        self._connection.request(method, f"/remote.php/dav/files/{USER}{path.replace(' ', '%20')}", body, named)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return len(content)

    def measure(self, name: str, work: Callable[[], object], times: int = 1) -> None:
        """Do something several times, and print the shortest and the longest time."""
        took = []
        memory = self._server.memory()
        self._server.forget_peak()
        self._watcher.reset()
        for _ in range(times):
            began = time.perf_counter()
            work()
            took.append((time.perf_counter() - began) * 1000)
        others = self._watcher.reset() * 1000
        more = (self._server.peak() - memory) / 1e6
        print(
            f"{name:35} {min(took):8.1f} to {max(took):8.1f} ms, others waited at most {others:7.1f} ms, "
            f"{more:6.1f} MB more",
            flush=True,
        )


def measure(server: servers.Server, count: Callable[[], int]) -> None:
    """Print the figures."""
    client = Client(server)
    client.send("PROPFIND", "/", ASK, depth="0")
    client.measure("PROPFIND of one file", lambda: client.send("PROPFIND", "/thousand/photo 7.jpg", ASK, depth="0"), 20)
    for name, entries in WIDE.items():
        ask = partial(client.send, "PROPFIND", f"/{name}", ASK, depth="1")
        client.measure(f"PROPFIND of {entries} entries", ask, 5)
    client.measure("MOVE of 50,000 files", lambda: client.send("MOVE", "/large", destination="/rest/large"))
    client.measure("COPY of 1,000 files", lambda: client.send("COPY", "/thousand", destination="/copy"))
    client.measure("COPY of 10,000 files", lambda: client.send("COPY", "/ten thousand", destination="/copy/more"))
    numbers = iter(range(1000))
    client.measure(
        "PUT of 1 kB among 10,000",
        lambda: client.send("PUT", f"/ten thousand/new {next(numbers)}.txt", f"{next(numbers):1000}"),
        20,
    )
    before = count()
    client.measure("DELETE of 50,000 files", lambda: client.send("DELETE", "/rest/large"))

    def until_gone() -> None:
        while count() > before - LARGE * 1001:
            time.sleep(0.2)

    client.measure("until the job has deleted them", until_gone)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.trees", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="start a temporary PostgreSQL")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="talkd-bench-") as folder,
        servers.postgres() if options.postgres else nullcontext("") as url,
    ):
        config = Config(data=folder)
        config.database.url = url

        async def prepare() -> None:
            db = open_database(config)
            await db.open()
            began = time.perf_counter()
            await fill(db)
            print(f"{ALL} files made in {time.perf_counter() - began:.1f} s")
            await db.close()

        async def count() -> int:
            db = open_database(config)
            await db.open()
            try:
                return int(await db.read(lambda tx: tx.value(_COUNT)))
            finally:
                await db.close()

        asyncio.run(prepare())
        with servers.serving(Path(folder), url, TALKD_FILES_TOTAL=str(1 << 50)) as server:
            measure(server, lambda: asyncio.run(count()))


if __name__ == "__main__":
    main()
