"""HTTP on real connections: what clients and proxies rely on, and limits for those that misbehave."""

import contextlib
import re
import socket
import ssl
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.certificates import certificate_of
from support.raw import PATIENCE, connection, exchange, head, read_all, statuses
from support.running import Server
from talkd.config import Config
from talkd.config_groups import ServerConfig
from talkd.web import http, sockets

STATUS = b"GET /status.php HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /status.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


def read_answer(made: socket.socket) -> bytes:
    """Return one answer with a length, without reading beyond it."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        byte = made.recv(1)
        assert byte, got
        got += byte
    length = re.search(rb"content-length: (\d+)", got)
    left = int(length[1]) if length else 0
    while left:
        part = made.recv(left)
        assert part, got
        got, left = got + part, left - len(part)
    return got


def await_true(check: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < until
        time.sleep(0.01)


# --- connections stay open ------------------------------------------------------------------
def test_a_connection_serves_many_requests_and_closes_when_the_client_asks(server: Server) -> None:
    with connection(server) as made:
        for _ in range(3):
            made.sendall(STATUS)
            answer = read_answer(made)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"connection:" not in answer
        made.sendall(LAST)
        assert b"connection: close" in read_all(made)


def test_http_1_0_closes_unless_the_client_asks_otherwise(server: Server) -> None:
    with connection(server) as made:
        for _ in range(2):
            made.sendall(b"GET /status.php HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"connection: keep-alive" in read_answer(made)
        made.sendall(b"GET /status.php HTTP/1.0\r\n\r\n")
        assert statuses(read_all(made)) == [200]


def test_answers_name_no_server_and_no_date(server: Server) -> None:
    answer = exchange(server, LAST, half_closed=False).lower()
    assert b"\r\nserver:" not in answer
    assert b"\r\ndate:" not in answer


def test_requests_sent_at_once_are_answered_in_their_order(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    chat = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}"
    body = b"message=between"
    form = "Content-Type: application/x-www-form-urlencoded"
    requests = (
        head("GET", f"{chat}?lookIntoFuture=1&timeout=1&lastKnownMessageId=999999", user=alice)
        + head("POST", chat, form, f"Content-Length: {len(body)}", user=alice)
        + body
        + head("GET", "/nowhere")
        + LAST
    )
    assert statuses(exchange(server, requests, half_closed=False)) == [304, 201, 404, 200]
    assert alice.history(token)[0]["message"] == "between"


def test_requests_may_arrive_byte_by_byte(server: Server) -> None:
    with connection(server) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in LAST:
            made.sendall(bytes([byte]))
        assert statuses(read_all(made)) == [200]


def test_an_answer_to_head_has_the_length_but_no_body(server: Server) -> None:
    with connection(server) as made:
        made.sendall(STATUS)
        whole = read_answer(made)
        made.sendall(STATUS.replace(b"GET", b"HEAD") + LAST)
        answers = read_all(made)
    length = re.search(rb"content-length: \d+\r\n", whole)
    assert length is not None
    first, _, second = answers.partition(b"\r\n\r\n")
    assert length[0] in first + b"\r\n"
    assert second.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://talk.example/status.php", 200),
        ("http://talk.example/nowhere", 404),
        ("http://talk.example", 200),
        ("*", 404),
        ("status.php", 400),
        ("/status.php#x", 200),
        ("http://", 400),
    ],
)
def test_targets_may_be_absolute(server: Server, target: str, status: int) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    assert statuses(exchange(server, request, half_closed=False)) == [status]


def test_a_change_at_an_address_with_a_fragment_is_refused(server: Server) -> None:
    request = b"DELETE /remote.php/dav/files/x/a#b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert statuses(exchange(server, request, half_closed=False)) == [400]


def test_small_parts_of_an_answer_are_sent_at_once() -> None:
    """asyncio sets TCP_NODELAY on connections of these sockets only if they name TCP. Downloads waited 40 ms."""
    with sockets.bound(ServerConfig(host="127.0.0.1", port=0)) as made:
        assert [each.proto for each in made] == [socket.IPPROTO_TCP]


def test_the_host_of_an_absolute_target_counts(server: Server) -> None:
    request = (
        b"POST http://talk.example:8443/index.php/login/v2 HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )
    answer = exchange(server, request, half_closed=False)
    assert b"http:\\/\\/talk.example:8443" in answer or b"http://talk.example:8443/" in answer
    assert b"evil" not in answer


def test_a_client_that_waits_for_permission_gets_it(server: Server) -> None:
    body = b"user=nobody"
    with connection(server) as made:
        form = "Content-Type: application/x-www-form-urlencoded"
        made.sendall(head("POST", "/index.php/login/v2", form, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert read_answer(made).startswith(b"HTTP/1.1 100 ")
        made.sendall(body)
        assert read_answer(made).startswith(b"HTTP/1.1 200 ")


def test_a_refused_upload_is_answered_while_the_client_still_sends(server: Server) -> None:
    body = b"x" * 8_000_000
    request = head("POST", "/index.php/login/v2", f"Content-Length: {len(body)}") + body
    answer = exchange(server, request, half_closed=False)
    assert statuses(answer) == [413]
    assert b"connection: close" in answer


# --- requests that are not clear ------------------------------------------------------------
BODY = b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: -5",
        b"Content-Length: 0x5",
        b"Content-Length : 5",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: identity, chunked\r\nX: y",
        b"Host: y",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: chunked\nX: y",
        b"X: y\nContent-Length: 5",
        b"X: y\rContent-Length: 5",
        b"X: y\0\r\nContent-Length: 5",
        b"X\0: y\r\nContent-Length: 5",
    ],
)
def test_requests_that_proxies_may_read_differently_are_refused(server: Server, lines: bytes) -> None:
    smuggled = b"POST /index.php/login/v2 HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n\r\n" + BODY + STATUS + LAST
    answer = exchange(server, smuggled, half_closed=False)
    assert statuses(answer) == [400], answer[:200]


@pytest.mark.parametrize(
    "request_line", [b"GET /\r\n", b"GET / HTTP/2.0\r\n", b"GET / HTTP/1.2\r\n", b"\x16\x03\x01\r\n"]
)
def test_other_protocols_are_refused(server: Server, request_line: bytes) -> None:
    assert statuses(exchange(server, request_line + b"Host: x\r\n\r\n", half_closed=False)) == [400]


def test_headers_after_a_body_are_ignored(server: Server) -> None:
    """A proxy does not check them, so they must not add credentials or addresses."""
    alice = server.add_user("alice")
    credentials = head("GET", "/", user=alice).partition(b"Authorization: ")[2].partition(b"\r\n")[0]
    request = head("GET", "/ocs/v2.php/cloud/user", "Transfer-Encoding: chunked", "Connection: close")
    request += b"0\r\nAuthorization: " + credentials + b"\r\n\r\n"
    assert statuses(exchange(server, request, half_closed=False)) == [401]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /status.php HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /status.php HTTP/1.1\r\n" + b"A: b\r\n" * 8_000 + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /status.php HTTP/1.1\r\nX: " + b"a" * 900_000,
    ],
)
def test_large_heads_are_refused(server: Server, sent: bytes) -> None:
    assert statuses(exchange(server, sent, half_closed=False)) == [431]


def test_heads_may_have_many_kilobytes(server: Server) -> None:
    request = b"GET /status.php HTTP/1.1\r\nConnection: close\r\nCookie: " + b"a" * 30_000 + b"\r\n\r\n"
    assert statuses(exchange(server, request, half_closed=False)) == [200]


# --- clients that do nothing ----------------------------------------------------------------
@pytest.mark.parametrize("sent", [b"", b"GET /status", b"GET /status.php HTTP/1.1\r\nX: y\r\n", STATUS])
def test_a_connection_without_a_complete_request_is_closed(server: Server, sent: bytes) -> None:
    with connection(server) as made, server.loop_thread.still_clock() as move:
        made.sendall(sent)
        if sent == STATUS:
            assert statuses(read_answer(made)) == [200]
        made.settimeout(0.1)
        move(http.IDLE_SECONDS - 1)
        with pytest.raises(TimeoutError):
            made.recv(1)
        await_true(lambda: is_closed(made, after=lambda: move(http.SWEEP_SECONDS * 2)))


def is_closed(made: socket.socket, after: Callable[[], None]) -> bool:
    """Return True if the server has closed the connection without an answer, after something was done."""
    after()
    try:
        return made.recv(1) == b""
    except TimeoutError:
        return False


def test_a_waiting_client_that_hangs_up_is_noticed(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    last = alice.room(token)["lastMessage"]["id"]
    changes = server.app.world.changes
    before = changes.waiting
    path = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}?lookIntoFuture=1&timeout=30&lastKnownMessageId={last}"
    with connection(server) as made:
        made.sendall(head("GET", path, user=alice))
        await_true(lambda: changes.waiting == before + 1)
    await_true(lambda: changes.waiting == before)


def test_a_client_that_does_not_read_is_not_served_more(server: Server) -> None:
    """Otherwise its answers would fill the memory."""
    with connection(server) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(1)
        with contextlib.suppress(TimeoutError):
            for _ in range(100_000):
                made.sendall(STATUS * 100)
            pytest.fail("the server takes requests without end")


def test_connections_beyond_the_limit_get_503(
    databases: Any, new_server: Callable[[Config], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SPARE_CONNECTIONS", 2)
    config = databases.config("sqlite")
    config.server.max_connections = 1
    server = new_server(config)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            made = stack.enter_context(connection(server))
            made.sendall(STATUS)
            assert statuses(read_answer(made)) == [200]
        assert statuses(exchange(server, STATUS, half_closed=False)) == [503]
    await_true(lambda: statuses(exchange(server, LAST, half_closed=False)) == [200])


# --- where the server listens -----------------------------------------------------------------
def test_a_server_can_listen_on_a_unix_socket(
    databases: Any, new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    path = tmp_path / "talkd.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    config = databases.config("sqlite")
    config.server.unix_socket = str(path)
    server = new_server(config)
    assert path.stat().st_mode & 0o777 == 0o660
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(str(path))
        made.sendall(LAST)
        assert statuses(read_all(made)) == [200]
    with pytest.raises(ConnectionRefusedError), connection(server):
        pass


@pytest.mark.parametrize("content", ["a file", "a server"])
def test_a_unix_socket_replaces_no_file_and_no_server(tmp_path: Path, content: str) -> None:
    path = tmp_path / "talkd.sock"
    with socket.socket(socket.AF_UNIX) as other:
        if content == "a file":
            path.write_text("content")
        else:
            other.bind(str(path))
            other.listen()
        with pytest.raises(OSError, match="cannot listen on"):
            sockets.bind(ServerConfig(unix_socket=str(path)))
    assert path.exists()


@pytest.mark.parametrize(
    ("host", "reached"), [("::", ["127.0.0.1", "::1"]), ("::1", ["::1"]), ("127.0.0.1", ["127.0.0.1"])]
)
def test_a_server_can_listen_for_both_ip_families(
    databases: Any, new_server: Callable[[Config], Server], host: str, reached: list[str]
) -> None:
    config = databases.config("sqlite")
    server = new_server(config)
    server.stop()
    config.server.host = host
    server.start()
    for address in ("127.0.0.1", "::1"):
        if address in reached:
            with socket.create_connection((address, config.server.port), timeout=PATIENCE) as made:
                made.sendall(LAST)
                assert statuses(read_all(made)) == [200]
        else:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((address, config.server.port), timeout=PATIENCE)


def test_tls_begins_with_version_1_2(databases: Any, new_server: Callable[[Config], Server], tmp_path: Path) -> None:
    config = databases.config("sqlite")
    config.server.tls_certificate, config.server.tls_key = certificate_of(tmp_path)
    server = new_server(config)
    for version, works in (
        (ssl.TLSVersion.TLSv1_3, True),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_1, False),
    ):
        context = ssl.create_default_context(cafile=config.server.tls_certificate)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the old version
            context.minimum_version = context.maximum_version = version
        with connection(server) as plain:
            if not works:
                with pytest.raises(ssl.SSLError):
                    context.wrap_socket(plain, server_hostname="localhost")
                continue
            with context.wrap_socket(plain, server_hostname="localhost") as made:
                made.sendall(STATUS + LAST)
                assert statuses(read_all(made)) == [200, 200]


def test_a_refused_upload_over_tls_is_answered(
    databases: Any, new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    config = databases.config("sqlite")
    config.server.tls_certificate, config.server.tls_key = certificate_of(tmp_path)
    server = new_server(config)
    context = ssl.create_default_context(cafile=config.server.tls_certificate)
    with connection(server) as plain, context.wrap_socket(plain, server_hostname="localhost") as made:
        made.sendall(head("POST", "/index.php/login/v2", "Content-Length: 8000000") + b"x" * 4_000_000)
        assert read_answer(made).startswith(b"HTTP/1.1 413 ")


def test_a_connection_with_tls_takes_little_memory(
    databases: Any, new_server: Callable[[Config], Server], tmp_path: Path
) -> None:
    """Python's read buffer of 256 kB is made smaller by an attribute that is not documented, so it may go."""
    config = databases.config("sqlite")
    config.server.tls_certificate, config.server.tls_key = certificate_of(tmp_path)
    server = new_server(config)
    context = ssl.create_default_context(cafile=config.server.tls_certificate)
    count = 20

    def ask(stack: contextlib.ExitStack) -> None:
        plain = stack.enter_context(connection(server))
        made = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
        made.sendall(STATUS)
        assert statuses(read_answer(made)) == [200]

    with contextlib.ExitStack() as stack:
        ask(stack)
        tracemalloc.start()
        try:
            for _ in range(count):
                ask(stack)
            taken, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert taken / count < 4 * http.TLS_BUFFER
