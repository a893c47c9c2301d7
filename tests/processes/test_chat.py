"""Messages reach those who wait at another process."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support.people import Person
from support.running import PASSWORD, Server


def at(server: Server, person: Person) -> Person:
    """Return a client of the same user at another server."""
    return Person(server.client(person.id, PASSWORD), person.id)


def wait(person: Person, token: str, known: int) -> list[dict[str, Any]]:
    """Poll for messages after a known one. Return those that come."""
    found: list[dict[str, Any]] = person.get(
        f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=known, timeout=20, setReadMarker=0
    )
    return found


def test_a_message_wakes_a_poll_at_another_process(
    company: Callable[[int], list[Server]], threads: ThreadPoolExecutor
) -> None:
    first, second = company(2)
    alice, bob = first.add_user("alice"), first.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    there = at(second, bob)
    before = alice.say(token, "before")["id"]
    polling = threads.submit(wait, there, token, before)
    second.wait_for(lambda: second.app.world.changes.waiting)
    began = time.monotonic()
    alice.say(token, "hello")
    assert [each["message"] for each in polling.result(5)] == ["hello"]
    print(time.monotonic() - began)
