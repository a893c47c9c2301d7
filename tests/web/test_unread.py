"""Clients that read slowly or not at all: the first get everything, the others do not keep memory and connections."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.certificates import certificate_of
from support.raw import PATIENCE, head, read_all
from support.running import Server
from talkd.config import Config
from talkd.web.connection import Connection
from talkd.web.http import SWEEP_SECONDS, UNREAD_SECONDS

MESSAGES, LENGTH = 20, 30_000
PIECE = 50_000
"""Bytes that a slow client reads at a time."""
SMALL = 65_536
"""Size of the buffers of the system, which otherwise hold megabytes."""


@pytest.fixture(params=["http", "https"])
def server(request: Any, databases: Any, new_server: Callable[[Config], Server], tmp_path: Path) -> Server:
    config = databases.config("sqlite")
    if request.param == "https":
        config.server.tls_certificate, config.server.tls_key = certificate_of(tmp_path)
    server = new_server(config)
    for listening in server.http.sockets:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    return server


@pytest.fixture
def large(server: Server) -> Callable[..., bytes]:
    """Returns a request with a large answer, with these headers."""
    alice = server.add_user("alice")
    token = alice.create_room()
    for number in range(MESSAGES):
        alice.say(token, str(number % 10) * LENGTH)
    server.close_clients()
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}?lookIntoFuture=0&limit={MESSAGES}"
    return lambda *headers: head("GET", path, *headers, user=alice)


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    with ExitStack() as stack:
        made = stack.enter_context(socket.socket())
        made.settimeout(PATIENCE)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        made.connect(("127.0.0.1", server.config.server.port))
        if server.config.server.speaks_tls:
            made = stack.enter_context(server.tls.wrap_socket(made, server_hostname="localhost"))
        yield made


def ask(server: Server, client: socket.socket, request: bytes) -> Connection:
    """Send a request. Return its connection when a part of the answer waits for the client."""
    client.sendall(request)
    server.wait_for(lambda: any(each.unsent for each in server.http.connections))
    found: Connection = next(each for each in server.http.connections if each.unsent)
    return found


def test_a_client_that_does_not_read_loses_its_connection(
    server: Server, large: Callable[..., bytes], client: socket.socket
) -> None:
    with server.loop_thread.still_clock() as move:
        ask(server, client, large())
        move(UNREAD_SECONDS - SWEEP_SECONDS)
        assert server.http.connections

        def is_closed() -> bool:  # the system may still take something by itself
            move(UNREAD_SECONDS + SWEEP_SECONDS)
            return not server.http.connections

        server.wait_for(is_closed)
    assert len(read_all(client)) < MESSAGES * LENGTH


@pytest.mark.parametrize("headers", [(), ("Connection: close",)], ids=["open", "closed"])
def test_a_client_that_reads_slowly_gets_everything(
    server: Server, large: Callable[..., bytes], client: socket.socket, headers: tuple[str, ...]
) -> None:
    got = b""
    with server.loop_thread.still_clock() as move:
        connection = ask(server, client, large(*headers))
        while left := connection.unsent:
            while connection.unsent == left and not is_whole(got):  # it may come before the server counts it as sent
                got += client.recv(PIECE)
            move(UNREAD_SECONDS - SWEEP_SECONDS)
            server.run(asyncio.sleep(0))
        while not is_whole(got):
            part = client.recv(PIECE)
            assert part, "the answer was cut off"
            got += part
    assert len(got) == whole_size(got)


def is_whole(received: bytes) -> bool:
    """Return True if this is an answer to its end."""
    return b"\r\n\r\n" in received and len(received) >= whole_size(received)


def whole_size(beginning: bytes) -> int:
    """Return the size of the answer that begins with these bytes."""
    head_of_answer, end, _ = beginning.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head_of_answer)
    assert found is not None
    return len(head_of_answer + end) + int(found[1])
