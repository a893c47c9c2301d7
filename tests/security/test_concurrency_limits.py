"""Limits on concurrent requests: one client or network cannot use up the server."""

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from support.people import PUBLIC, Person
from support.raw import connection, head, read_all, statuses
from support.running import Server
from talkd.config import Config

STARTS = Callable[[Config], Server]


@contextlib.contextmanager
def half_sent(server: Server, count: int, *headers: str) -> Iterator[list[socket.socket]]:
    """Open requests whose bodies do not arrive, and one more that is refused because of them."""
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(connection(server)) for _ in range(count + 1)]
        for each in made:
            each.sendall(head("POST", "/index.php/login/v2", "Content-Length: 5", *headers))
        assert select.select(made, [], [], 20)[0], "none was refused"
        yield made


def await_status(client: Callable[[], int], wanted: int) -> None:
    """Wait until the answers have this status."""
    until = time.monotonic() + 20
    while (status := client()) != wanted:
        assert time.monotonic() < until, status
        time.sleep(0.02)


@pytest.fixture
def config(databases: object) -> Config:
    made: Config = databases.config("sqlite")  # type: ignore[attr-defined]
    made.server.trusted_proxies = ["127.0.0.1"]
    return made


def test_a_full_server_answers_503_but_its_health_check_answers(new_server: STARTS, config: Config) -> None:
    config.server.max_connections = 8
    server = new_server(config)
    visitor = server.client()
    with half_sent(server, 8):
        await_status(lambda: visitor.get("/index.php/login").status_code, 503)
        refused = visitor.get("/ocs/v2.php/cloud/capabilities")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert visitor.get("/ocs/v1.php/cloud/capabilities").status_code == 503
        for path in ("/healthz", "/status.php", "/static/talkd.css"):
            assert visitor.get(path, headers={"Authorization": "Basic nonsense"}).status_code == 200
    await_status(lambda: visitor.get("/index.php/login").status_code, 200)


def test_a_network_is_limited_in_unfinished_bodies(new_server: STARTS, config: Config) -> None:
    config.security.bodies_by_address = 5
    server = new_server(config)
    crowd, neighbour, other = (
        server.client(headers={"X-Forwarded-For": address})
        for address in ("2001:db8::1", "2001:db8::2:1", "2001:db8:1::1")
    )
    with half_sent(server, 5, "X-Forwarded-For: 2001:db8::7"):
        await_status(lambda: crowd.post("/index.php/login/v2", data={"a": 1}).status_code, 429)
        refused = neighbour.post("/index.php/login/v2", data={"a": 1})
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert neighbour.get("/ocs/v2.php/cloud/capabilities").status_code == 200
        assert other.post("/index.php/login/v2", data={"a": 1}).status_code == 200
    await_status(lambda: crowd.post("/index.php/login/v2", data={"a": 1}).status_code, 200)


def test_requests_count_for_their_network_until_they_are_answered(new_server: STARTS, config: Config) -> None:
    config.security.bodies_by_address = 2
    server = new_server(config)
    visitor = server.client()
    for _ in range(5):
        assert visitor.get("/ocs/v2.php/cloud/capabilities").status_code == 200
        assert visitor.get("/ocs/v2.php/cloud/user").status_code == 401
        assert visitor.post("/ocs/v2.php/apps/spreed/api/v4/room", data={"a": 1}).status_code == 401
        assert visitor.post("/index.php/login/v2", data={"a": 1}).status_code == 200
    with half_sent(server, 2):
        await_status(lambda: visitor.post("/index.php/login/v2", data={"a": 1}).status_code, 429)
    await_status(lambda: visitor.post("/index.php/login/v2", data={"a": 1}).status_code, 200)  # they have ended


@pytest.fixture
def crowded(new_server: STARTS, config: Config) -> tuple[Server, Person, str]:
    """A server with low limits of waiting polls, with a user and their public room."""
    config.security.polls_by_session = 2
    config.security.polls_by_address = 5
    server = new_server(config)
    alice = server.add_user("alice")
    return server, alice, alice.create_room(PUBLIC)


@contextlib.contextmanager
def waiting(server: Server, person: Person, path: str, count: int, *headers: str) -> Iterator[None]:
    """Open this many waiting polls."""
    before = server.app.world.changes.waiting
    with contextlib.ExitStack() as stack:
        for number in range(count):
            made = stack.enter_context(connection(server))
            cookies = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
            user = person if person.id else None
            made.sendall(head("GET", path, f"Cookie: {cookies}", *headers, user=user))
            until = time.monotonic() + 20
            while server.app.world.changes.waiting != before + number + 1:
                assert time.monotonic() < until
                time.sleep(0.01)
        yield


def chat(person: Person, token: str) -> str:
    last = person.room(token)["lastMessage"]["id"]
    return f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}?lookIntoFuture=1&timeout=30&lastKnownMessageId={last}"


def test_a_session_is_limited_in_waiting_polls(crowded: tuple[Server, Person, str]) -> None:
    server, alice, token = crowded
    other = alice.create_room(PUBLIC)
    alice.join(token)
    alice.http.post(f"/ocs/v2.php/apps/spreed/api/v3/signaling/{token}", data={"messages": "[]"})
    path = chat(alice, token)
    with waiting(server, alice, path, 2):
        refused = alice.http.get(path)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert alice.http.get(f"/ocs/v2.php/apps/spreed/api/v3/signaling/{token}").status_code == 429
        with waiting(server, alice, chat(alice, other), 2):
            assert alice.http.get(chat(alice, other)).status_code == 429
        assert server.add_user("bob").http.get("/ocs/v2.php/cloud/user").status_code == 200
    await_status(lambda: alice.http.get(path.replace("timeout=30", "timeout=0")).status_code, 304)


def test_a_network_is_limited_in_waiting_polls(crowded: tuple[Server, Person, str]) -> None:
    server, alice, token = crowded
    people = [server.add_user(name) for name in ("bob", "carol", "dave")]
    for person in people:
        person.join(token)
    path = chat(alice, token)
    with contextlib.ExitStack() as stack:
        for person, count in zip(people, (2, 2, 1), strict=True):
            stack.enter_context(waiting(server, person, path, count))
        assert alice.http.get(path).status_code == 429
        assert alice.http.get("/ocs/v2.php/cloud/user").status_code == 200
        elsewhere = {"X-Forwarded-For": "192.0.2.7"}
        assert alice.http.get(path.replace("timeout=30", "timeout=0"), headers=elsewhere).status_code == 304


def test_unfinished_requests_time_out(new_server: STARTS, config: Config) -> None:
    config.server.body_timeout = 1
    config.server.max_connections = 20
    server = new_server(config)
    visitor = server.client()
    with half_sent(server, 20) as made:
        await_status(lambda: visitor.get("/index.php/login").status_code, 200)
        answers = [statuses(read_all(each)) for each in made]
    assert sorted(answers) == [[408]] * 20 + [[503]]
