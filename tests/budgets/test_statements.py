"""The statements of the most frequent requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from budgets.budgets import DELIVERY, POLLING_AGAIN, STATEMENTS, WAITING
from support.people import GROUP, Person
from support.running import Server
from support.waiting import await_waiting

RUNS = 8


@pytest.fixture
def engine(server: Server) -> int:
    """The place of the database in the tables of budgets."""
    return int(server.config.database.url != "")


def actions(server: Server, alice: Person, bob: Person) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """For each action: what must be done before, and the request itself."""
    token, numbers = alice.create_room(), count()
    carol = server.add_user("carol")
    for each in (bob, carol):
        alice.add(token, each)
        each.join(token)  # those with a session have no notifications, unless they are mentioned
    reacted: int = alice.say(token, "React")["id"]
    lister = server.add_user("lister")
    for _ in range(100):
        lister.create_room()
    last = [0]

    def nothing() -> None:
        pass

    def say() -> None:
        last[0] = alice.say(token, f"Hello {next(numbers)}")["id"]

    def poll(known: int, marker: int) -> None:
        path = f"v1/chat/{token}"
        carol.request("GET", path, lookIntoFuture=1, lastKnownMessageId=known, timeout=0, setReadMarker=marker)

    def take_back() -> None:
        carol.request("DELETE", f"v1/reaction/{token}/{reacted}", reaction="👍")

    def leave_call() -> None:
        carol.delete(f"v4/call/{token}")

    return {
        "post a message": (nothing, lambda: alice.say(token, "Hello", referenceId=f"number {next(numbers)}")),
        "post a message with a mention": (nothing, lambda: alice.say(token, f"Hello @{bob.id}")),
        "react": (take_back, lambda: carol.post(f"v1/reaction/{token}/{reacted}", reaction="👍")),
        "list 100 rooms": (nothing, lister.rooms),
        "get a room": (nothing, lambda: carol.room(token)),
        "read the history": (nothing, lambda: carol.history(token)),
        "poll and get a message": (say, lambda: poll(last[0] - 1, 0)),
        "poll and move the read marker": (say, lambda: poll(last[0], 1)),
        "mark as read": (say, lambda: carol.post(f"v1/chat/{token}/read")),
        "join a room": (nothing, lambda: carol.join(token)),
        "join a call": (leave_call, lambda: carol.post(f"v4/call/{token}", flags=3)),
    }


def test_statements_of_requests(server: Server, engine: int) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    db, found = server.app.world.db, {}
    for name, (prepare, request) in actions(server, alice, bob).items():
        costs = []
        for _ in range(RUNS):  # the server does other work too
            prepare()
            before = db.statements
            request()
            costs.append(db.statements - before)
        found[name] = min(costs)
    assert found == {name: numbers[engine] for name, numbers in STATEMENTS.items()}


def test_statements_of_a_message_to_many_who_wait(server: Server, engine: int) -> None:
    alice, token = server.add_user("alice"), ""
    token = alice.create_room(GROUP)
    readers = [server.add_user(f"reader{number}") for number in range(WAITING)]
    for reader in readers:
        alice.add(token, reader)
        reader.join(token)
    alice.join(token)
    known = alice.say(token, "Before")["id"]
    db = server.app.world.db

    def poll(reader: Person, after: int) -> int:
        answer = reader.request("GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=after, timeout=30)
        return int(answer.json()["ocs"]["data"][-1]["id"])

    deliveries, again = [], []
    with ThreadPoolExecutor(WAITING) as threads:
        for _ in range(3):
            before = db.statements
            polls = [threads.submit(poll, reader, known) for reader in readers]
            await_waiting(server, WAITING)
            again.append((db.statements - before) / WAITING)
            before = db.statements
            known = alice.say(token, "Now")["id"]
            assert {each.result() for each in polls} == {known}
            deliveries.append(db.statements - before)
    assert min(deliveries) == DELIVERY[engine]
    assert min(again[1:]) <= POLLING_AGAIN[engine]
