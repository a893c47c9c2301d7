"""Answers that are sent from files: large, interrupted, or not what was promised."""

import base64
import os
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.certificates import certificate_of
from support.files import Files
from support.people import Person
from support.raw import PATIENCE, connection, head
from support.running import ADMIN, ADMIN_PASSWORD, PASSWORD, Server
from talkd.config import Config

LARGE = 20_000_000


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


@pytest.fixture
def dora(server: Server) -> Person:
    person = server.add_user("dora")
    Files(person).put("/large", os.urandom(1000) * (LARGE // 1000))
    Files(person).put("/small", b"small")
    return person


def ask(person: Person, path: str, *headers: str, method: str = "GET") -> bytes:
    """Return the bytes of a request for a file."""
    login = base64.b64encode(f"{person.id}:{PASSWORD}".encode()).decode()
    lines = [f"{method} {Files(person).root}{path} HTTP/1.1", "Host: x", f"Authorization: Basic {login}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def read_head(made: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = made.recv(1)
        assert byte, head
        head += byte
    return head.lower()


def read(made: socket.socket, size: int) -> int:
    """Read up to so many bytes, and return how many came."""
    got = 0
    while got < size and (part := made.recv(min(65_536, size - got))):
        got += len(part)
    return got


def open_blobs(server: Server) -> int:
    """Return how many contents of files the process has open."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        try:
            found += str(each.readlink()).startswith(f"{server.config.data}/files/")
        except OSError:
            continue
    return found


def await_true(check: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_connection_goes_on_after_a_file(server: Server, dora: Person) -> None:
    with connection(server) as made:
        made.sendall(ask(dora, "/large") + ask(dora, "/large", method="HEAD") + ask(dora, "/small"))
        assert f"content-length: {LARGE}".encode() in read_head(made)
        assert read(made, LARGE) == LARGE
        assert f"content-length: {LARGE}".encode() in read_head(made)
        assert b"content-length: 5" in read_head(made)
        assert made.recv(5) == b"small"
    await_true(lambda: open_blobs(server) == 0)


def test_a_client_that_hangs_up_leaves_no_file_open(server: Server, dora: Person) -> None:
    for _ in range(5):
        with connection(server) as made:
            made.sendall(ask(dora, "/large"))
            read_head(made)
            read(made, 100_000)
    await_true(lambda: open_blobs(server) == 0)


def test_a_slow_client_does_not_hold_up_others(server: Server, dora: Person) -> None:
    with connection(server) as slow:
        slow.sendall(ask(dora, "/large"))
        read_head(slow)
        assert Files(dora).get("/small") == b"small"
        assert len(Files(dora).get("/large")) == LARGE
        assert read(slow, LARGE) == LARGE


def test_a_file_that_is_shorter_than_it_should_be_ends_the_connection(server: Server, dora: Person) -> None:
    size = LARGE + 7
    Files(dora).put("/cut", b"z" * size)
    (blob,) = (path for path in (Path(server.config.data) / "files").glob("??/*") if path.stat().st_size == size)
    with blob.open("r+b") as file:
        file.truncate(LARGE // 2)
    with connection(server) as made:
        made.sendall(ask(dora, "/cut"))
        read_head(made)
        assert read(made, size) == LARGE // 2
        assert made.recv(1) == b""
    await_true(lambda: open_blobs(server) == 0)


def test_a_stop_cuts_a_download_that_takes_too_long(own_server: Server) -> None:
    dora = own_server.add_user("dora")
    Files(dora).put("/large", b"x" * LARGE)
    with connection(own_server) as made:
        made.sendall(ask(dora, "/large"))
        read_head(made)
        began = time.monotonic()
        own_server.stop()
        assert time.monotonic() - began < PATIENCE
        assert read(made, LARGE) < LARGE
    assert open_blobs(own_server) == 0
    own_server.start()


def test_a_file_is_received_and_sent_through_tls(
    databases: Any, new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    config = databases.config("sqlite")
    config.server.tls_certificate, config.server.tls_key = certificate_of(tmp_path)
    server = new_server(config)
    context = ssl.create_default_context(cafile=config.server.tls_certificate)
    login = base64.b64encode(f"{ADMIN}:{ADMIN_PASSWORD}".encode()).decode()
    path, authorization = f"/remote.php/dav/files/{ADMIN}/large", f"Authorization: Basic {login}"
    with connection(server) as plain, context.wrap_socket(plain, server_hostname="localhost") as made:
        made.sendall(head("PUT", path, authorization, f"Content-Length: {LARGE}"))
        made.sendall(b"y" * LARGE)
        assert b" 201 " in read_head(made)
        made.sendall(head("GET", path, authorization))
        assert f"content-length: {LARGE}".encode() in read_head(made)
        assert read(made, LARGE) == LARGE
