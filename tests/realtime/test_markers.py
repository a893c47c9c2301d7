"""Read markers that move wake those who wait for the common one, and only if it is another."""

from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from support.people import GROUP, Person
from support.running import Server
from support.waiting import await_waiting
from talkd.areas.chat import markers
from talkd.realtime.changes import Watch

READERS = 12


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of topics that have woken requests, one for each time."""
    topics: list[str] = []
    wake = Watch.wake

    def note(watch: Watch, topic: str) -> None:
        topics.append(topic.partition(":")[0])
        wake(watch, topic)

    monkeypatch.setattr(Watch, "wake", note)
    return topics


def poll(person: Person, token: str, known: int, common: int) -> httpx.Response:
    """Wait for a message after the known one, or for another common read marker."""
    values = {"lookIntoFuture": 1, "lastKnownMessageId": known, "lastCommonReadId": common, "timeout": 30}
    return person.request("GET", f"v1/chat/{token}", **values)


def common_of(answer: httpx.Response) -> int:
    return int(answer.headers["X-Chat-Last-Common-Read"])


def test_readers_of_one_message_do_not_wake_each_other(
    server: Server, alice: Person, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them moves a read marker when it polls again, which moves the common one in the end."""
    monkeypatch.setattr(markers, "MERGED", 1.0)  # so long that they come together on a busy machine, too
    token = alice.create_room(GROUP)
    readers = [server.add_user(f"reader{number}") for number in range(READERS)]
    for reader in readers:
        alice.add(token, reader)
    first = alice.room(token)["lastMessage"]["id"]
    for reader in (alice, *readers):
        reader.post(f"v1/chat/{token}/read")
    await_waiting(server, 0)
    with ThreadPoolExecutor(READERS) as many:
        polls = [many.submit(poll, reader, token, first, first) for reader in readers]
        await_waiting(server, READERS)
        woken.clear()
        last = alice.say(token, "to all")["id"]
        assert {each.result().json()["ocs"]["data"][0]["id"] for each in polls} == {last}
        polls = [many.submit(poll, reader, token, last, first) for reader in readers]
        answers = [each.result() for each in polls]
    assert {(each.status_code, common_of(each)) for each in answers} == {(200, last)}
    assert woken.count("room") == READERS
    assert woken.count("marker") <= 2 * READERS, (
        "each of them may wake all others when they come together, not for each"
    )


def test_a_marker_that_leaves_the_common_one_wakes_nobody(
    server: Server, alice: Person, bob: Person, threads: ThreadPoolExecutor, woken: list[str]
) -> None:
    token = alice.create_room(GROUP)
    carol = server.add_user("carol")
    for each in (bob, carol):
        alice.add(token, each)
    for each in (alice, bob, carol):
        each.post(f"v1/chat/{token}/read")
    last = alice.say(token, "Read me")["id"]
    common = alice.room(token)["lastCommonReadMessage"]
    await_waiting(server, 0)
    waiting: Future[httpx.Response] = threads.submit(poll, alice, token, last, common)
    await_waiting(server, 1)
    woken.clear()
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last)
    assert bob.room(token)["lastCommonReadMessage"] == common
    carol.post(f"v1/chat/{token}/read", lastReadMessage=last)
    assert common_of(waiting.result()) == last > common
    assert woken == ["marker"]


def test_a_marker_that_nobody_waits_for_wakes_nobody(
    server: Server, alice: Person, bob: Person, threads: ThreadPoolExecutor, woken: list[str]
) -> None:
    token = alice.create_room(GROUP)
    alice.add(token, bob)
    last = alice.say(token, "Read me")["id"]
    await_waiting(server, 0)
    waiting = threads.submit(poll, alice, token, last, 0)
    await_waiting(server, 1)
    woken.clear()
    bob.post(f"v1/chat/{token}/read", lastReadMessage=last)
    alice.say(token, "The end")
    assert waiting.result().status_code == 200
    assert woken == ["room"]
