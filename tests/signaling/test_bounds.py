"""Limits of signaling, and the metrics that show how near they are."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.people import Person
from support.running import LoopThread, Server
from support.signaling_servers import StandIn, use_servers
from support.sockets import Socket
from talkd.config import Config
from talkd.signaling import hello
from talkd.signaling.dispatch import RESUME_SECONDS
from talkd.signaling.external import notifier

Open = Callable[..., Socket]
Enter = Callable[..., Socket]


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


@pytest.fixture
def stand_in(server: Server) -> Iterator[StandIn]:
    opened = StandIn()
    yield opened
    use_servers(server)
    opened.close()


def figure(server: Server, name: str) -> float:
    """Return the value of a metric, 0 if nothing was counted yet."""
    server.run_job("sweep_signaling")
    lines = server.client().get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)


def test_metrics_count_sockets_and_what_they_do(
    server: Server, open_socket: Open, enter: Enter, alice: Person, bob: Person, token: str
) -> None:
    with server.loop_thread.still_clock() as move:  # the sessions of other tests end now, and not meanwhile
        move(RESUME_SECONDS + 1)
        server.run_job("sweep_signaling")
    server.wait_for(lambda: figure(server, "talkd_signaling_rooms") == figure(server, "talkd_signaling_peers") == 0)
    names = ("sockets", "peers", "rooms", "messages_total", "dropped_total")
    before = {name: figure(server, f"talkd_signaling_{name}") for name in names}
    first, second = enter(alice, token), enter(bob, token)
    open_socket()
    first.say(second, "hello")
    second.expect("message")
    after = {name: figure(server, f"talkd_signaling_{name}") for name in names}
    grown = {name: after[name] - before[name] for name in names}
    assert grown == {"sockets": 3, "peers": 2, "rooms": 1, "messages_total": 5, "dropped_total": 0}
    refused = 'talkd_signaling_refusals_total{code="bad_request"}'
    refusals = figure(server, refused)
    assert first.refusal("nothing") == "bad_request"
    assert figure(server, refused) == refusals + 1
    for socket in (first, second):
        socket.send("bye")
        assert socket.close_code() == 1000
    server.wait_for(lambda: figure(server, "talkd_signaling_sockets") == before["sockets"] + 1)
    assert figure(server, "talkd_signaling_peers") == before["peers"]
    assert figure(server, "talkd_signaling_rooms") == before["rooms"]


def test_a_client_that_does_not_read_is_counted(
    server: Server, enter: Enter, alice: Person, bob: Person, token: str
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    before = figure(server, "talkd_signaling_dropped_total")
    unread = server.peer(second.id)
    while unread.line is not None:
        first.say(second, "x" * 60_000)
        first.drain()
    assert figure(server, "talkd_signaling_dropped_total") == before + 1


def test_one_network_has_a_limited_number_of_sockets(databases: Any, new_server: Callable[[Config], Server]) -> None:
    config: Config = databases.config("sqlite")
    config.security.sockets_by_address = 3
    config.server.trusted_proxies = ["127.0.0.1"]
    server = new_server(config)
    headers = {"X-Forwarded-For": "192.0.2.1"}
    opened = [Socket(server, **headers) for _ in range(3)]
    refused = RefusedSocket(server, **headers)
    assert refused.expect("error")["code"] == "too_many_requests"
    assert refused.close_code() == 1000
    opened.append(Socket(server, **{"X-Forwarded-For": "192.0.2.2"}))
    opened[0].close()
    server.wait_for(lambda: figure(server, "talkd_signaling_sockets") == 3)
    opened.append(Socket(server, **headers))
    for socket in opened:
        socket.close()
    refused.close()


class RefusedSocket(Socket):
    """A connection that is closed instead of a welcome."""

    is_welcomed = False


def test_a_user_has_a_limited_number_of_clients(
    open_socket: Open, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hello, "MAX_PEERS", 3)
    clients = [open_socket() for _ in range(3)]
    for client in clients:
        client.hello(alice)
    last = open_socket()
    proof = alice.get("v3/signaling/settings")["helloAuthParams"]["1.0"]
    auth = {"url": last.backend, "params": proof}
    assert last.refusal("hello", version="1.0", auth=auth) == "session_limit_exceeded"
    open_socket().hello(bob)
    clients[0].send("bye")
    assert clients[0].close_code() == 1000
    last.hello(alice)


def test_an_outage_of_an_external_server_is_logged_once_and_counted(
    server: Server, stand_in: StandIn, alice: Person, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    failed, sent = (f'talkd_signaling_notifications_total{{result="{result}"}}' for result in ("failed", "sent"))
    gone = StandIn()
    gone.close()
    before = figure(server, failed)
    with caplog.at_level(logging.INFO):
        use_servers(server, gone.url)
        for number in range(5):
            alice.put(f"v4/room/{token}", roomName=f"Name {number}")
            lost = before + number + 1
            server.wait_for(lambda: figure(server, failed) >= lost)  # noqa: B023 - it is called at once
        arrived = figure(server, sent)
        use_servers(server, stand_in.url)
        alice.put(f"v4/room/{token}", roomName="Back")
        stand_in.expect(token, "update", lambda told: told["properties"]["name"] == "Back")
    server.wait_for(lambda: figure(server, sent) > arrived)
    said = [record.message for record in caplog.records]
    assert said.count("signaling_unreachable") == 1


def test_long_messages_count_as_several(enter: Enter, alice: Person, token: str, loop_thread: LoopThread) -> None:
    socket = enter(alice, token)
    socket.drain()
    recipient = {"type": "session", "sessionid": "nobody"}
    with loop_thread.still_clock():
        for _ in range(1000):
            socket.send("message", recipient=recipient, data="short")
        for _ in range(300):
            socket.send("message", recipient=recipient, data="x" * 60_000)
        assert socket.expect("error")["code"] == "too_many_requests"


def test_news_of_too_many_rooms_are_dropped_and_counted(
    server: Server, stand_in: StandIn, alice: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = 'talkd_signaling_notifications_total{result="dropped"}'
    other = alice.create_room()
    use_servers(server, stand_in.url)
    with stand_in.busy():
        alice.put(f"v4/room/{token}", roomName="Told")
        server.wait_for(lambda: stand_in.waiting)
        monkeypatch.setattr(notifier, "MAX_ROOMS", 1)  # rooms of earlier tests may have had news until now
        before = figure(server, dropped)
        alice.put(f"v4/room/{other}", roomName="Lost")
        alice.put(f"v4/room/{token}", roomName="Told later")
        assert figure(server, dropped) > before
    stand_in.expect(token, "update", lambda told: told["properties"]["name"] == "Told later")
    monkeypatch.undo()  # the other news of this room may still be on their way
    alice.put(f"v4/room/{other}", roomName="Told again")
    stand_in.expect(other, "update", lambda told: told["properties"]["name"] == "Told again")
