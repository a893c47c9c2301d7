"""Messages reach those who wait at another process."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from support.company import Company, at, make_room
from support.people import Person
from support.running import Server
from talkd.bus.sockets import SocketBus


def wait(person: Person, token: str, known: int) -> list[dict[str, Any]]:
    """Poll for messages after a known one. Return those that come."""
    found: list[dict[str, Any]] = person.get(
        f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=known, timeout=20, setReadMarker=0
    )
    return found


def begin_poll(pair: tuple[Server, Server], threads: ThreadPoolExecutor) -> tuple[Person, str, Future[Any]]:
    """Return somebody at the first server, a room, and the poll of another one who waits there at the second."""
    alice, bob, token = make_room(pair[0])
    before = alice.say(token, "before")["id"]
    polling = threads.submit(wait, at(pair[1], bob), token, before)
    pair[1].wait_for(lambda: pair[1].app.world.changes.waiting)
    return alice, token, polling


def test_a_message_wakes_a_poll_at_another_process(pair: tuple[Server, Server], threads: ThreadPoolExecutor) -> None:
    for number in range(5):
        alice, token, polling = begin_poll(pair, threads)
        alice.say(token, f"hello {number}")
        assert [each["message"] for each in polling.result(5)] == [f"hello {number}"]


def test_what_the_bus_does_not_carry_comes_through_the_database(
    pair: tuple[Server, Server], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, token, polling = begin_poll(pair, threads)
    monkeypatch.setattr(SocketBus, "is_connected", False)
    alice.say(token, "hello")
    assert [each["message"] for each in polling.result(5)] == ["hello"]


def test_what_was_lost_is_noticed(
    pair: tuple[Server, Server], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, token, polling = begin_poll(pair, threads)
    monkeypatch.setattr(SocketBus, "send", lambda *_: None)
    alice.say(token, "hello")
    assert [each["message"] for each in polling.result(10)] == ["hello"]


def test_one_of_the_servers_leads_and_another_follows(company: Company) -> None:
    servers = company(2)
    assert [server.app.world.db.leads for server in servers] == [True, False]
    servers.pop(0).stop()
    servers[0].wait_for(lambda: servers[0].app.world.db.leads)
