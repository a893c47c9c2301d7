"""Messages reach those who wait at another process."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.company import at, make_room
from support.people import Person
from support.running import Server
from talkd.bus.sockets import SocketBus


def wait(person: Person, token: str, known: int) -> list[dict[str, Any]]:
    """Poll for messages after a known one. Return those that come."""
    found: list[dict[str, Any]] = person.get(
        f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=known, timeout=20, setReadMarker=0
    )
    return found


def test_a_message_wakes_a_poll_at_another_process(two: list[Server], threads: ThreadPoolExecutor) -> None:
    alice, bob, token = make_room(two[0])
    there = at(two[1], bob)
    for number in range(5):
        before = alice.say(token, "before")["id"]
        polling = threads.submit(wait, there, token, before)
        two[1].wait_for(lambda: two[1].app.world.changes.waiting)
        alice.say(token, f"hello {number}")
        assert [each["message"] for each in polling.result(5)] == [f"hello {number}"]


def test_what_the_bus_does_not_carry_comes_through_the_database(
    two: list[Server], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(two[0])
    before = alice.say(token, "before")["id"]
    polling = threads.submit(wait, at(two[1], bob), token, before)
    two[1].wait_for(lambda: two[1].app.world.changes.waiting)
    monkeypatch.setattr(SocketBus, "is_connected", False)
    alice.say(token, "hello")
    assert [each["message"] for each in polling.result(5)] == ["hello"]


def test_what_was_lost_is_noticed(
    two: list[Server], threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(two[0])
    before = alice.say(token, "before")["id"]
    polling = threads.submit(wait, at(two[1], bob), token, before)
    two[1].wait_for(lambda: two[1].app.world.changes.waiting)
    monkeypatch.setattr(SocketBus, "send", lambda *_: None)
    alice.say(token, "hello")
    assert [each["message"] for each in polling.result(10)] == ["hello"]


def test_one_of_the_servers_leads_and_another_follows(two: list[Server]) -> None:
    assert [server.app.world.db.leads for server in two] == [True, False]
    two.pop(0).stop()
    two[0].wait_for(lambda: two[0].app.world.db.leads)
