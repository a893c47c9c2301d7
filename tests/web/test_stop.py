"""The stop of a server that speaks TLS. `tests/crash/test_interrupted_call.py` stops one with a call."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.certificates import certificate_of
from support.raw import PATIENCE, connection, read_all, statuses
from support.recorders import checksum
from support.running import Server
from support.sockets import PATH
from talkd.config import Config
from talkd.signaling.dispatch import Signaling

STATUS = b"GET /status.php HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
UNFINISHED = b"POST /index.php/login/v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"


def new_tls_server(databases: Any, new_server: Callable[[Config], Server], folder: Path) -> Server:
    config = databases.config("sqlite")
    config.server.tls_certificate, config.server.tls_key = certificate_of(folder)
    return new_server(config)


def test_a_stop_waits_for_no_client_that_has_nothing_open(
    databases: Any, new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    """Also not for one that does not confirm the end of TLS."""
    server = new_tls_server(databases, new_server, tmp_path)
    with ExitStack() as stack:
        idle = stack.enter_context(
            server.tls.wrap_socket(stack.enter_context(connection(server)), server_hostname="localhost")
        )
        idle.sendall(STATUS)
        assert idle.recv(10_000).startswith(b"HTTP/1.1 200 ")
        opened = stack.enter_context(connect(server.url.replace("http", "ws", 1) + PATH, ssl=server.tls, proxy=None))
        assert '"welcome"' in str(opened.recv(PATIENCE))
        assert server.run(server.http.stop(PATIENCE)), "it has cut off a connection"
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert read_all(idle) == b""


def test_a_client_that_is_connected_during_the_stop_is_refused(
    databases: Any, new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    server = new_tls_server(databases, new_server, tmp_path)
    with ExitStack() as stack:
        late = stack.enter_context(connection(server))
        unfinished = stack.enter_context(
            server.tls.wrap_socket(stack.enter_context(connection(server)), server_hostname="localhost")
        )
        unfinished.sendall(UNFINISHED)
        server.wait_for(lambda: any(each._current for each in server.http.connections))
        stop = asyncio.run_coroutine_threadsafe(server.http.stop(PATIENCE), server.loop_thread.loop)
        server.wait_for(lambda: server.http.is_stopping)
        late = stack.enter_context(server.tls.wrap_socket(late, server_hostname="localhost"))
        late.sendall(UPGRADE)
        assert statuses(read_all(late)) == [503]
        unfinished.sendall(b" done")
        assert statuses(read_all(unfinished)) == [200]
        assert stop.result(PATIENCE), "it has cut off a connection"


INTERNAL = "the secret of internal clients"
MESSAGE = {"type": "message", "message": {"recipient": {"type": "session", "sessionid": "nobody"}, "data": {}}}


async def hold_socket(server: Server, is_ready: Callable[[], Any]) -> int:
    """Say hello, then send messages until the connection ends. Return the code that it was closed with, or 1006."""
    proof = {"random": "r" * 32, "token": checksum(b"", "r" * 32, INTERNAL), "backend": server.url}
    hello = {"version": "1.0", "auth": {"type": "internal", "params": proof}}
    async with async_connect(server.url.replace("http", "ws", 1) + PATH, proxy=None) as opened:
        try:
            await opened.recv()
            await opened.send(json.dumps({"type": "hello", "hello": hello}))
            await opened.recv()
            is_ready()
            while True:
                await opened.send(json.dumps(MESSAGE))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(opened.recv(), 0.1)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006


async def stop_with_sockets(server: Server, number: int) -> list[int]:
    """Stop the server while clients send. Return the codes that their connections were closed with."""
    all_ready = asyncio.Semaphore(0)
    clients = [asyncio.create_task(hold_socket(server, all_ready.release)) for _ in range(number)]
    for _ in clients:
        await all_ready.acquire()
    await asyncio.to_thread(server.stop)
    return await asyncio.gather(*clients)


def test_every_socket_hears_that_the_server_stops(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config = databases.config("sqlite")
    config.calls.internal_secret = INTERNAL
    server = new_server(config)
    for _ in range(10):
        assert asyncio.run(stop_with_sockets(server, 200)) == [1001] * 200
        server.start()


def test_signaling_begins_nothing_after_the_stop(databases: Any, new_server: Callable[[Config], Server]) -> None:
    """Otherwise the timer of a room would read from the closed database again and again."""
    server = new_server(databases.config("sqlite"))
    signaling, begun = server.app.world[Signaling], list[bool]()
    server.stop()

    async def begin() -> None:
        begun.append(True)

    async def spawn() -> None:
        await asyncio.wait([signaling.spawn(begin())], timeout=PATIENCE)

    server.run(spawn())
    assert begun == []
    server.start()
