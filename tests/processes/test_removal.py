"""A user who was removed at one process gets nothing that happened later from another one that has not heard of it.

The second server gets no messages of the first one, as if they were on their way for long.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.company import Company, at, deaf
from support.people import Person
from support.running import Server, set_interval
from support.waiting import await_waiting

AFTER = "afterwards"


@pytest.fixture
def pair(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Server]]:
    """Two servers, of which the second does not hear the first and does not notice."""
    for job in ("follow_other_processes", "look_at_other_processes"):
        set_interval(monkeypatch, job, 100_000)
    with monkeypatch.context() as patch:
        patch.setattr("support.running.Server.wait_for", lambda *_: None)
        first, second = company(2)
    with deaf(second):
        yield first, second


@pytest.fixture
def people(pair: tuple[Server, Server]) -> tuple[Person, Person, str]:
    """Alice at the first server, and Bob at the second, in a room."""
    first, second = pair
    alice, bob = first.add_user("alice"), first.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    return alice, at(second, bob), token


def wait(bob: Person, token: str, known: int) -> tuple[int, str]:
    answer = bob.request(
        "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=known, timeout=20, setReadMarker=0
    )
    return answer.status_code, answer.text


def remove(alice: Person, bob: Person, token: str) -> None:
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))


def post_unheard(second: Server, alice: Person, token: str) -> None:
    """Post a message at the second server, which therefore knows it, unlike what the first one has done."""
    at(second, alice).say(token, AFTER)


def remove_bob(_first: Server, alice: Person, bob: Person, token: str) -> None:
    remove(alice, bob, token)


def raise_lobby(_first: Server, alice: Person, _bob: Person, token: str) -> None:
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)


def disable_bob(first: Server, _alice: Person, bob: Person, _token: str) -> None:
    first.admin_request("PUT", f"/ocs/v2.php/cloud/users/{bob.id}/disable")


@pytest.mark.parametrize(("lock_out", "refusal"), [(remove_bob, 404), (raise_lobby, 412), (disable_bob, 401)])
def test_a_poll_does_not_return_what_was_posted_after_the_caller_was_locked_out(
    pair: tuple[Server, Server],
    people: tuple[Person, Person, str],
    threads: ThreadPoolExecutor,
    lock_out: Callable[[Server, Person, Person, str], None],
    refusal: int,
) -> None:
    first, second = pair
    alice, bob, token = people
    known = alice.say(token, "before")["id"]
    polling = threads.submit(wait, bob, token, known)
    await_waiting(second, 1)
    lock_out(first, alice, bob, token)
    post_unheard(second, alice, token)
    status, text = polling.result(10)
    assert status == refusal
    assert AFTER not in text


def test_who_stays_gets_the_message_although_another_one_was_removed(
    pair: tuple[Server, Server], people: tuple[Person, Person, str], threads: ThreadPoolExecutor
) -> None:
    first, second = pair
    alice, bob, token = people
    carol = first.add_user("carol")
    alice.add(token, carol)
    known = alice.say(token, "before")["id"]
    polling = threads.submit(wait, bob, token, known)
    await_waiting(second, 1)
    remove(alice, carol, token)
    post_unheard(second, alice, token)
    status, text = polling.result(10)
    assert status == 200
    assert AFTER in text


@pytest.mark.parametrize("path", ["v1/chat/{token}?lookIntoFuture=0", "v4/room/{token}", "v4/room"])
def test_the_next_request_of_a_disabled_account_returns_nothing(
    pair: tuple[Server, Server], people: tuple[Person, Person, str], path: str
) -> None:
    first, _ = pair
    _, bob, token = people
    assert bob.status("GET", path.format(token=token)) == 200, "so that the login is remembered"
    first.admin_request("PUT", f"/ocs/v2.php/cloud/users/{bob.id}/disable")
    assert bob.status("GET", path.format(token=token)) in (401, 404)
