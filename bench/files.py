"""Cases with files: what an upload and a download cost, beside a plain nginx, and many uploads at once."""

import asyncio
import base64
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import nginx
from bench.client import Account
from bench.data import Data
from bench.report import Row
from bench.server import Process, Server

MEGA = 1_000_000
PART = 262_144
LOOK_SECONDS = 0.05
"""Interval at which the memory of the server is read."""


def _head(method: str, path: str, account: Account | None, length: int | None) -> bytes:
    login = base64.b64encode(f"{account.id}:{account.password}".encode()).decode() if account else ""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", "connection: close"]
    lines += [f"authorization: Basic {login}"] if account else []
    lines += [f"content-length: {length}"] if length is not None else []
    return "\r\n".join([*lines, "", ""]).encode()


def _parts(size: int) -> Iterator[bytes]:
    """Yield contents that no other file has, and that cost little to make."""
    part = os.urandom(PART)
    while size > 0:
        yield part[:size]
        size -= PART


def upload(port: int, path: str, size: int, account: Account | None) -> None:
    """Upload a file. Raises RuntimeError unless it is accepted."""
    with socket.create_connection(("127.0.0.1", port)) as made:
        made.sendall(_head("PUT", path, account, size))
        for part in _parts(size):
            made.sendall(part)
        status = made.recv(65_536).split(b" ", 2)[1]
    if status not in (b"201", b"204"):
        raise RuntimeError(f"PUT {path} was answered with {status.decode()}")


def download(port: int, path: str, size: int, account: Account | None) -> None:
    """Download a file. Raises RuntimeError if something else comes."""
    buffer = bytearray(PART)
    with socket.create_connection(("127.0.0.1", port)) as made:
        made.sendall(_head("GET", path, account, None))
        count = 0
        while got := made.recv_into(buffer):
            count += got
    if not size <= count <= size + 4096:
        raise RuntimeError(f"GET {path} brought {count} bytes")


async def transfer(server: Server, data: Data, megabytes: int, times: int) -> list[Row]:
    """Upload and download a large file, one after the other, with talkd and with nginx."""
    account = data.rooms_of_ten[0].members[0]
    rows = await _measure("talkd", server, f"/remote.php/dav/files/{account.id}/", account, megabytes, times)
    if nginx.is_installed():
        folder = server.data / "nginx"
        folder.mkdir()
        with nginx.serving(folder) as plain:
            rows += await _measure("nginx", plain, "/", None, megabytes, times)
    return rows


async def _measure(
    name: str, server: Process, base: str, account: Account | None, megabytes: int, times: int
) -> list[Row]:
    rows = []
    for verb, work in (("upload", upload), ("download", download)):
        before, began = server.cpu(), time.perf_counter()
        for number in range(times):
            await asyncio.to_thread(work, server.port, f"{base}large{number}", megabytes * MEGA, account)
        seconds, cpu = time.perf_counter() - began, server.cpu() - before
        total = megabytes * times
        rows.append(
            Row(
                f"{name}: {verb} of {megabytes} MB",
                others={"MB/s": total / seconds, "CPU ms/MB": cpu * 1000 / total},
            )
        )
    return rows


async def many_uploads(server: Server, data: Data, count: int, megabytes: int) -> list[Row]:
    """Upload many files at once, and look how much memory the server takes meanwhile."""
    account = data.rooms_of_ten[0].members[0]
    base = f"/remote.php/dav/files/{account.id}/"
    before, most, is_done = server.memory(), 0, False

    async def look() -> None:
        nonlocal most
        while not is_done:
            most = max(most, server.memory())
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    cpu, began = server.cpu(), time.perf_counter()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(count) as pool:
        await asyncio.gather(
            *(
                loop.run_in_executor(pool, upload, server.port, f"{base}many{number}", megabytes * MEGA, account)
                for number in range(count)
            )
        )
    seconds, cpu = time.perf_counter() - began, server.cpu() - cpu
    is_done = True
    await looking
    total = count * megabytes
    return [
        Row(
            f"{count} uploads of {megabytes} MB at once",
            others={
                "MB/s": total / seconds,
                "CPU ms/MB": cpu * 1000 / total,
                "MB more": (most - before) / MEGA,
            },
        )
    ]
