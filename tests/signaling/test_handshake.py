"""The request that opens a socket has the same limits as other requests, and the same answers."""

import pytest
from websockets.frames import Frame, Opcode

from support.raw import connection, exchange, head, statuses
from support.running import Server
from support.sockets import PATH

UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
STATUS = "/status.php"


def status_of(server: Server, path: str, *headers: str) -> int:
    """Return the status of the answer to an upgrade."""
    with connection(server) as made:
        made.sendall(head("GET", path, *UPGRADE, *headers))
        line = made.makefile("rb").readline()
        return int(line.split()[1])


@pytest.mark.parametrize(("path", "accepted"), [(PATH, 101), (STATUS, 200)])
@pytest.mark.parametrize(
    ("headers", "is_accepted"),
    [
        (["Cookie: " + "a" * 30_000], True),
        ([f"X-Header-{number}: a" for number in range(1000)], True),
        (["Cookie: ü" + "a" * 10_000], True),
        (["Cookie: " + "a" * 33_000], False),
        ([f"X-Header-{number}: a" for number in range(4000)], False),
    ],
    ids=["long line", "many lines", "other characters", "too long", "too many"],
)
def test_the_head_of_a_handshake_may_be_as_large_as_others(
    server: Server, path: str, accepted: int, headers: list[str], is_accepted: bool
) -> None:
    assert status_of(server, path, *headers) == (accepted if is_accepted else 431)


@pytest.mark.parametrize("headers", [UPGRADE[:2], (*UPGRADE[:2], "Sec-WebSocket-Version: 12", UPGRADE[3]), UPGRADE[:3]])
def test_a_handshake_that_lacks_something_is_refused(server: Server, headers: tuple[str, ...]) -> None:
    [status] = statuses(exchange(server, head("GET", PATH, *headers), half_closed=False))
    assert status in (400, 426)


def test_only_get_opens_a_socket(server: Server) -> None:
    answer = exchange(server, head("POST", PATH, *UPGRADE, "Content-Length: 0", "Connection: close"))
    assert statuses(answer) == [404]


def test_a_message_may_come_with_the_handshake(server: Server) -> None:
    message = Frame(Opcode.TEXT, b"{}").serialize(mask=True)
    with connection(server) as made:
        made.sendall(head("GET", PATH, *UPGRADE) + message)
        received = b""
        while b"hello_expected" not in received:
            chunk = made.recv(65_536)
            assert chunk, received
            received += chunk
