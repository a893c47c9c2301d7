"""Malformed bytes are refused or ignored, and cause no server errors."""

import base64
import random
from collections.abc import Iterator

import pytest

from support.people import PUBLIC, Person
from support.raw import exchange, has_failed, head, statuses
from support.running import Server

HEADERS = (
    "Authorization",
    "Cookie",
    "User-Agent",
    "Accept",
    "Accept-Language",
    "If-None-Match",
    "X-Forwarded-For",
    "X-Requested-With",
    "requesttoken",
    "Content-Type",
    "Referer",
    "Range",
    "Origin",
    "OCS-APIRequest",
)
ODD = (b"\xff\xff", b"\x80", "ü€\U0001f600".encode(), b"\xed\xa0\x80", b"=?utf-8?q?=ff?=", b"%00%ff", b";,\"'\\", b"")
PATHS = (
    "/healthz",
    "/status.php",
    "/static/talkd.css",
    "/metrics",
    "/index.php/login",
    "/ocs/v1.php/cloud/capabilities",
    "/ocs/v2.php/apps/spreed/api/v4/room",
    "/avatar/alice/64",
)


def ask(server: Server, request: bytes) -> list[int]:
    return statuses(exchange(server, request, half_closed=False))


def with_header(method: str, path: str, name: str, value: bytes) -> bytes:
    """Return a request with bytes in a header."""
    request = head(method, path, "Connection: close")
    return request[:-2] + name.encode() + b": " + value + b"\r\n\r\n"


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_breaks_the_server(server: Server, name: str) -> None:
    for value in ODD:
        for path in PATHS:
            answer = exchange(server, with_header("GET", path, name, value), half_closed=False)
            assert statuses(answer), (path, value)
            assert not has_failed(answer), (path, value)


@pytest.mark.parametrize("scheme", [b"Basic ", b"basic ", b"Bearer ", b"Digest ", b"", b"Basic"])
def test_no_credentials_break_the_server(server: Server, scheme: bytes) -> None:
    encoded = [base64.b64encode(each) for each in (b"\xff:\xff", b"a", b":", b"a\x00:b", b"a:b\x00", b"\xed\xa0\x80:x")]
    for value in (*ODD, *encoded, b"=", b"a" * 5000):
        request = with_header("GET", "/ocs/v2.php/cloud/user", "Authorization", scheme + value)
        assert ask(server, request) in ([400], [401]), value
        for path in ("/healthz", "/status.php", "/static/talkd.css", "/static/logo.svg"):
            assert ask(server, with_header("GET", path, "Authorization", scheme + value)) == [200], value


def test_an_upgrade_to_a_websocket_is_an_ordinary_request(server: Server) -> None:
    upgrade = (
        "Connection: Upgrade, close",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    for path, wanted in (("/healthz", 200), ("/nowhere", 404), ("/ocs/v2.php/cloud/user", 401)):
        assert ask(server, head("GET", path, *upgrade)) == [wanted]


MULTIPART = "multipart/form-data; boundary=xyz"
PARTS = (
    b'--xyz\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\nx\r\n--xyz--\r\n',
    b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="\xff.png"\r\n\r\nx\r\n--xyz--\r\n',
    b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''%ff%fe\r\n\r\nx\r\n--xyz--\r\n",
    b"--xyz\r\nContent-Disposition: form-data; name*=klingon''x\r\n\r\nx\r\n--xyz--\r\n",
    b'--xyz\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: \xff\xff\r\n\r\nx\r\n--xyz--\r\n',
    b'--xyz\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: \xff\r\n\r\nx\r\n--xyz--\r\n',
    b"--xyz\r\n\xff\xfe: \xff\r\n\r\nx\r\n--xyz--\r\n",
    b'--xyz\r\nContent-Disposition: form-data; name="a\x00"\r\n\r\nx\r\n--xyz--\r\n',
    b'--xyz\r\nContent-Disposition: form-data; name="message"\r\n\r\n\xff\x00\r\n--xyz--\r\n',
    b"--xyz\r\n\r\n\r\n--xyz--\r\n",
    b"--xyz--\r\n",
    b"\xff" * 50,
    b"",
)


def bodies() -> Iterator[tuple[str, bytes]]:
    for part in PARTS:
        yield MULTIPART, part
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="\xff"'):
        yield kind, PARTS[0]
    for kind in ("application/x-www-form-urlencoded", "application/json", "text/csv", "image/png", "\xff/\xff", ""):
        for body in (b"\xff\xfe", b"message=%00", b"message=%ff", b'{"m": "\\u0000"}', b'{"a": "\\ud800"}', b"\x00"):
            yield kind, body
    yield "application/json", b'{"message": ' + b"9" * 10_000 + b"}"
    yield "application/json", b'{"timeout": 1e999, "roomType": -1e400, "limit": 123456789012345678901234567890}'


@pytest.fixture
def alice(server: Server) -> Person:
    return server.add_user("alice")


def test_no_body_breaks_the_server(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    for path in (f"v1/chat/{token}", f"v1/room/{token}/avatar", "v4/room", f"v4/room/{token}/participants/active"):
        for kind, body in bodies():
            for framing, sent in (
                (f"Content-Length: {len(body)}", body),
                ("Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"),
            ):
                described = [f"Content-Type: {kind}"] if kind else []
                url = f"/ocs/v2.php/apps/spreed/api/{path}"
                request = head("POST", url, *described, framing, "Connection: close", user=alice) + sent
                answer = exchange(server, request, half_closed=False)
                assert statuses(answer), (path, kind, body)
                assert not has_failed(answer), (path, kind, body)


@pytest.mark.timeout(0)  # --fuzz says how long it takes
def test_no_bytes_on_the_socket_break_the_server(server: Server, alice: Person, fuzz_requests: int) -> None:
    token = alice.create_room(PUBLIC)
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    seeds = [
        head(
            "POST",
            f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}",
            "Content-Type: application/json",
            "Content-Length: 17",
            "Connection: close",
            user=alice,
        )
        + b'{"message": "hi"}',
        head("GET", "/ocs/v1.php/apps/spreed/api/v4/room?format=xml&a[b][]=%C3%BC", "Connection: close", user=alice),
        head(
            "POST",
            "/index.php/login/v2/poll",
            "Content-Type: application/x-www-form-urlencoded",
            "Transfer-Encoding: chunked",
            "Connection: close",
        )
        + b"5\r\ntoken\r\n4\r\n=abc\r\n0\r\n\r\n",
        head(
            "PUT",
            f"/ocs/v2.php/apps/spreed/api/v4/room/{token}",
            f"Content-Type: {MULTIPART}",
            f"Content-Length: {len(PARTS[1])}",
            "Connection: close",
            user=alice,
        )
        + PARTS[1],
    ]
    for _ in range(fuzz_requests):
        sent = mutated(chance, chance.choice(seeds))
        assert not has_failed(exchange(server, sent)), sent
    assert alice.http.get("/healthz").status_code == 200


def mutated(chance: random.Random, request: bytes) -> bytes:
    """Return the request with some bytes changed, removed, doubled or inserted."""
    made = bytearray(request)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(made))
        match chance.randrange(4):
            case 0:
                made[at] = chance.randrange(256)
            case 1:
                del made[at : at + chance.randrange(1, 20)]
            case 2:
                made[at:at] = made[at : at + chance.randrange(1, 20)]
            case 3:
                made[at:at] = chance.choice((b"\x00", b"\r\n", b"\xff", b"%00", b"[", b"\xed\xa0\x80", b"9" * 30))
        if not made:
            return b"\x00"
    return bytes(made)
