"""Polls that arrive together are stored together, and each has its own effect."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from support.notifications import PATH
from support.people import GROUP, Person
from support.running import Server
from support.waiting import await_waiting
from talkd.areas.chat import service
from talkd.areas.chat.service import Arrival
from talkd.core.errors import Unavailable
from talkd.storage.database import Tx

READERS = 10


@pytest.fixture
def many() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(READERS) as threads:
        yield threads


@pytest.fixture
def token(alice: Person) -> str:
    return alice.create_room(GROUP)


@pytest.fixture
def readers(server: Server, alice: Person, token: str) -> list[Person]:
    made = [server.add_user(f"reader{number}") for number in range(READERS)]
    for reader in made:
        alice.add(token, reader)
    return made


def begin(
    many: ThreadPoolExecutor, server: Server, readers: Sequence[Person], token: str, known: int
) -> list[Future[httpx.Response]]:
    """Let all poll in the same moment. Return when all of them wait."""
    await_waiting(server, 0)
    values = {"lookIntoFuture": 1, "lastKnownMessageId": known, "timeout": 30}
    polls = [many.submit(reader.request, "GET", f"v1/chat/{token}", **values) for reader in readers]
    await_waiting(server, len(readers))
    return polls


def about_messages(reader: Person) -> int:
    return sum(each["object_type"] == "chat" for each in reader.get(PATH))


def end(alice: Person, token: str, polls: Sequence[Future[httpx.Response]]) -> None:
    alice.say(token, "The end")
    assert {poll.result().status_code for poll in polls} == {200}


def test_each_poll_moves_its_own_read_marker(
    server: Server, alice: Person, readers: list[Person], token: str, many: ThreadPoolExecutor
) -> None:
    first, last = (alice.say(token, text)["id"] for text in ("first", "last"))
    ahead = readers[0]
    ahead.post(f"v1/chat/{token}/read")
    values = {"lookIntoFuture": 1, "lastKnownMessageId": first}
    answers = list(many.map(lambda reader: reader.request("GET", f"v1/chat/{token}", **values), readers))
    assert {answer.json()["ocs"]["data"][0]["id"] for answer in answers} == {last}
    assert ahead.room(token)["lastReadMessage"] == last, "markers do not move back"
    assert {reader.room(token)["lastReadMessage"] for reader in readers[1:]} == {first}
    assert alice.room(token)["lastCommonReadMessage"] == first
    polls = begin(many, server, readers, token, last)
    assert {reader.room(token)["lastReadMessage"] for reader in readers} == {last}
    assert alice.room(token)["lastCommonReadMessage"] == last
    end(alice, token, polls)


def test_polls_dismiss_the_notifications_of_their_own_users(
    server: Server, alice: Person, readers: list[Person], token: str, many: ThreadPoolExecutor
) -> None:
    last = alice.say(token, "Hello @all")["id"]
    absent = readers.pop()
    polls = begin(many, server, readers, token, last)
    assert [about_messages(reader) for reader in readers] == [0] * len(readers)
    assert about_messages(absent) == 1
    end(alice, token, polls)


def test_a_list_of_rooms_since_then_reports_the_common_read_marker(
    server: Server, alice: Person, readers: list[Person], token: str, many: ThreadPoolExecutor
) -> None:
    last = alice.say(token, "Hello")["id"]
    since = alice.request("GET", "v4/room").headers["X-Nextcloud-Talk-Modified-Before"]
    polls = begin(many, server, readers, token, last)
    assert alice.rooms(modifiedSince=since)[token]["lastCommonReadMessage"] == last
    end(alice, token, polls)


def test_a_poll_that_cannot_be_stored_harms_no_other(
    server: Server,
    alice: Person,
    readers: list[Person],
    token: str,
    many: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    note, broken = service.note_arrivals, readers[3].id

    async def fail(tx: Tx, arrivals: Sequence[Arrival]) -> None:
        if len(arrivals) > 1 or any(each.me.actor.id == broken for each in arrivals):
            raise ValueError("broken")
        await note(tx, arrivals)

    last = alice.say(token, "Hello")["id"]
    monkeypatch.setattr(service, "note_arrivals", fail)
    await_waiting(server, 0)
    values = {"lookIntoFuture": 1, "lastKnownMessageId": last, "timeout": 30}
    polls = [many.submit(reader.request, "GET", f"v1/chat/{token}", **values) for reader in readers]
    others = [reader for reader in readers if reader.id != broken]
    server.wait_for(lambda: {reader.room(token)["lastReadMessage"] for reader in others} == {last})
    monkeypatch.setattr(service, "note_arrivals", note)
    alice.say(token, "The end")
    statuses = {reader.id: poll.result().status_code for reader, poll in zip(readers, polls, strict=True)}
    assert {statuses[reader.id] for reader in others} == {200}
    assert "broken" in caplog.text


def test_polls_do_not_wait_for_each_other_in_an_outage(
    server: Server,
    alice: Person,
    readers: list[Person],
    token: str,
    many: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[set[str]] = []

    async def fail(tx: Tx, arrivals: Sequence[Arrival]) -> None:
        tried.append({each.me.actor.id for each in arrivals})
        if len(arrivals) > 1:
            raise ValueError("broken")
        raise Unavailable(1, message="The database cannot be used.")

    last = alice.say(token, "Hello")["id"]
    monkeypatch.setattr(service, "note_arrivals", fail)
    values = {"lookIntoFuture": 1, "lastKnownMessageId": last, "timeout": 1}
    polls = many.map(lambda reader: reader.request("GET", f"v1/chat/{token}", **values), readers)
    assert {poll.status_code for poll in polls} == {304}
    for group in [each for each in tried if len(each) > 1]:
        assert len([each for each in tried if len(each) == 1 and each <= group]) == 1
