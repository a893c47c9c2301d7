"""Maximum numbers of statements of the most frequent requests, whatever the amount of data."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from support.notifications import PATH
from support.people import PUBLIC, Person
from support.running import Server

SEND, POLL, LIST, HISTORY, COUNTED, NOTIFICATIONS = 6, 2, 3, 6, 6, 2
"""Maximum number of statements."""

Cost = Callable[[Callable[[], Any]], int]


@pytest.fixture
def cost(server: Server) -> Cost:
    """A function that counts the statements of a request: the minimum of 12 runs, as the server does other work too."""
    db = server.app.world.db

    def once(ask: Callable[[], Any]) -> int:
        before = db.statements
        ask()
        return db.statements - before

    def least(ask: Callable[[], Any]) -> int:
        ask()  # the server now caches the login and the settings
        return min(once(ask) for _ in range(12))

    return least


def poll(person: Person, token: str, after: int, **params: Any) -> Any:
    return person.request(
        "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=after, timeout=0, setReadMarker=0, **params
    )


def test_statements_of_sending_a_message(server: Server, alice: Person, bob: Person, token: str, cost: Cost) -> None:
    group = server.add_group(bob)
    question = bob.say(token, "Who?")["id"]
    numbers = count()

    def sending(text: str, **params: Any) -> int:
        return cost(lambda: alice.say(token, text, referenceId=f"reference {next(numbers)}", **params))

    assert sending("Hello") <= 4
    assert sending(f"Hello @{bob.id}") <= SEND
    assert sending(f'Hello @{bob.id}, @all and @"group/{group}"') <= SEND
    assert sending("I", replyTo=question) <= SEND
    assert sending(f"You, @{bob.id}", replyTo=question) <= SEND


def test_statements_of_waiting_for_messages(alice: Person, bob: Person, token: str, cost: Cost) -> None:
    first = alice.say(token, "First")["id"]
    last = [alice.say(token, f"Hello @{bob.id}", replyTo=first)["id"] for _ in range(5)][-1]
    assert cost(lambda: poll(bob, token, first)) <= POLL
    assert cost(lambda: poll(bob, token, last)) <= POLL
    assert cost(lambda: poll(bob, token, last, lastCommonReadId=first)) <= POLL


def test_statements_of_counting_messages(alice: Person, bob: Person, token: str, cost: Cost) -> None:
    for _ in range(30):
        alice.say(token, f"Hello @{bob.id}")
    assert cost(lambda: bob.get(f"v1/chat/{token}", timeout=0)) <= COUNTED
    assert cost(lambda: bob.get(f"v1/chat/{token}", timeout=0, offset=25)) <= COUNTED
    assert cost(lambda: bob.get(f"v1/chat/{token}", timeout=0, offset=30)) <= COUNTED


def test_statements_of_the_room_list(server: Server, alice: Person, bob: Person, cost: Cost) -> None:
    def fill() -> None:
        for kind in (2, PUBLIC):
            token = bob.create_room(kind)
            bob.add(token, alice)
            bob.say(token, f"Hello @{alice.id} and @all")

    fill()
    few, old = cost(alice.rooms), cost(lambda: alice.get("v1/room"))
    for _ in range(5):
        fill()
    assert cost(alice.rooms) == few <= LIST
    assert cost(lambda: alice.get("v1/room")) == old == few + 1, "one more for the members of all rooms"


def test_statements_of_the_history(server: Server, alice: Person, bob: Person, token: str, cost: Cost) -> None:
    def fill() -> None:
        said = alice.say(token, f"Hello @{bob.id}")["id"]
        bob.say(token, "Hello", replyTo=said)
        bob.post(f"v1/reaction/{token}/{said}", reaction="👍")

    fill()
    few = cost(lambda: alice.history(token))
    for _ in range(5):
        fill()
        alice.create_room()
    assert cost(lambda: alice.history(token)) == few <= HISTORY


def test_statements_of_the_notifications(server: Server, alice: Person, bob: Person, cost: Cost) -> None:
    assert cost(lambda: alice.get(PATH)) <= NOTIFICATIONS
    for _ in range(5):
        token = bob.create_room()
        bob.add(token, alice)
        bob.say(token, f"Hello @{alice.id}")
    assert cost(lambda: alice.get(PATH)) <= NOTIFICATIONS + 1, "one more for the names"
