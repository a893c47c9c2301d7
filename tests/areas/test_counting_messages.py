"""GET chat of API v1 as apps of 2018 use it: `offset` counts the messages that the client has."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.people import PUBLIC, Person
from support.running import LoopThread, Server
from support.waiting import answer_after, await_waiting, begin_waiting
from talkd.areas.chat import legacy, offset_service
from talkd.conversation.pings import Pings
from talkd.core import clock


def get(person: Person, token: str, **params: Any) -> list[dict[str, Any]]:
    """Return the messages as an app of 2018 requests them."""
    messages: list[dict[str, Any]] = person.get(f"v1/chat/{token}", **{"timeout": 0, **params})
    return messages


def texts(person: Person, token: str, **params: Any) -> list[str]:
    """Return only the texts."""
    return [each["message"] for each in get(person, token, **params)]


# --- which messages -------------------------------------------------------------------------
def test_a_message_has_exactly_these_fields(alice: Person, bob: Person, token: str) -> None:
    sent = alice.say(token, "Hello")
    assert get(bob, token) == [
        {
            "id": sent["id"],
            "actorType": "users",
            "actorId": alice.id,
            "actorDisplayName": "Alice",
            "timestamp": sent["timestamp"],
            "message": "Hello",
        }
    ]


def test_the_offset_skips_the_oldest_messages(alice: Person, token: str) -> None:
    for number in range(5):
        alice.say(token, str(number))
    assert texts(alice, token) == ["4", "3", "2", "1", "0"]
    assert texts(alice, token, offset=3) == ["4", "3"]
    assert texts(alice, token, offset=5) == texts(alice, token, offset=50) == []
    assert texts(alice, token, offset=-1) == ["4", "3", "2", "1", "0"]
    for much in (2**31, 10**30):
        assert texts(alice, token, offset=much) == texts(alice, token, notOlderThanTimestamp=much) == []


def test_system_messages_do_not_count(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "Before")
    alice.put(f"v4/room/{token}", roomName="Another name")
    message = alice.say(token, "After")
    bob.post(f"v1/reaction/{token}/{message['id']}", reaction="👍")
    assert texts(bob, token) == ["After", "Before"]
    assert texts(bob, token, offset=1) == ["After"]


def test_a_deleted_message_still_counts_for_the_offset(alice: Person, bob: Person, token: str) -> None:
    first = alice.say(token, "Wrong")
    bob.say(token, "Right")
    alice.delete(f"v1/chat/{token}/{first['id']}")
    assert texts(bob, token) == ["Right", "Message deleted by author"]
    assert texts(alice, token) == ["Right", "Message deleted by you"]
    assert texts(bob, token, offset=1) == ["Right"]


def test_messages_older_than_the_timestamp_do_not_count(
    alice: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.say(token, "Old")
    later = clock.now() + 100
    monkeypatch.setattr(clock, "now", lambda: later)
    alice.say(token, "New")
    alice.say(token, "Newer")
    assert texts(alice, token, notOlderThanTimestamp=later) == ["Newer", "New"]
    assert texts(alice, token, notOlderThanTimestamp=later, offset=1) == ["Newer"]
    assert texts(alice, token, notOlderThanTimestamp=later + 1) == []


def test_every_timestamp_can_be_the_limit(
    alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = clock.now()
    elsewhere = bob.create_room()
    for second in range(10):
        monkeypatch.setattr(clock, "now", lambda second=second: begun + second)
        alice.say(token, str(second))
        bob.say(elsewhere, "x")
        alice.put(f"v4/room/{token}", roomName=f"Name {second}")
    for second in range(-1, 11):
        wanted = [str(number) for number in range(9, max(0, second) - 1, -1)]
        assert texts(bob, token, notOlderThanTimestamp=begun + second) == wanted
        assert texts(bob, token, notOlderThanTimestamp=begun + second, offset=2) == wanted[:-2]


def test_many_system_messages_are_skipped_in_steps(alice: Person, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_service, "STEP", 2)
    alice.say(token, "One")
    for number in range(9):
        alice.put(f"v4/room/{token}", roomName=f"Name {number}")
    alice.say(token, "Two")
    assert texts(alice, token, offset=1) == ["Two"]
    for number in range(9):
        alice.put(f"v4/room/{token}", roomName=f"Another name {number}")
    assert texts(alice, token, offset=2) == []


def test_expired_and_cleared_messages_are_not_returned(
    alice: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.post(f"v4/room/{token}/message-expiration", seconds=3600)
    alice.say(token, "For an hour")
    alice.post(f"v4/room/{token}/message-expiration", seconds=0)
    alice.say(token, "For ever")
    later = clock.now() + 3601
    monkeypatch.setattr(clock, "now", lambda: later)
    assert texts(alice, token) == ["For ever"]
    alice.delete(f"v1/chat/{token}")
    assert texts(alice, token) == []


def test_long_histories_are_returned_in_portions(
    server: Server, alice: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offset_service, "STEP", 7)
    for number in range(offset_service.LIMIT + 20):
        alice.say(token, str(number))
    seen: list[str] = []
    while portion := texts(alice, token, offset=len(seen)):
        assert len(portion) <= offset_service.LIMIT
        seen += reversed(portion)
    assert seen == [str(number) for number in range(offset_service.LIMIT + 20)]


def test_mentions_and_shared_objects_are_plain_text(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    visitor = server.visitor()
    visitor.join(token)
    visitor.post(f"v1/guest/{token}/name", displayName="Ada")
    guest = next(each for each in alice.participants(token).values() if each["actorType"] == "guests")
    alice.say(token, f'@{bob.id} and @"guest/{guest["actorId"]}" and @all and {{mention-user9}}')
    visitor.post(f"v1/poll/{token}", question="Where to?", options=["Sea", "Hills"], resultMode=0, maxVotes=1)
    poll, mention = get(bob, token)
    assert mention["message"] == "@Bob and @Ada and @all and {mention-user9}"
    assert (poll["message"], poll["actorType"], poll["actorDisplayName"]) == ("Where to?", "guests", "Ada")


# --- waiting --------------------------------------------------------------------------------
def test_a_waiting_request_returns_a_new_message(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    alice.say(token, "Known")
    answer = begin_waiting(server, threads, get, bob, token, offset=1, timeout=20)
    alice.put(f"v4/room/{token}", roomName="Not a message")
    alice.say(token, "News")
    assert [each["message"] for each in answer.result(10)] == ["News"]


def test_an_offset_beyond_the_end_waits_for_more_messages(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    alice.say(token, "One")
    answer = begin_waiting(server, threads, get, bob, token, offset=3, timeout=20)
    for text in ("Two", "Three"):
        alice.say(token, text)
    alice.say(token, "Four")
    assert [each["message"] for each in answer.result(10)] == ["Four"]


def test_waiting_ends_with_an_empty_list(server: Server, alice: Person, token: str) -> None:
    answer = answer_after(server, alice, f"v1/chat/{token}", seconds=45, timeout=45)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, [])


def test_a_removed_member_stops_waiting(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    answer = begin_waiting(server, threads, bob.request, "GET", f"v1/chat/{token}", timeout=20)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert answer.result(10).status_code == 404


@pytest.mark.parametrize(("asked", "given"), [(-1, 0), (0, 0), (45, 45), (60, 60), (61, 60), (10**18, 60)])
def test_nobody_waits_longer_than_a_minute(asked: int, given: int) -> None:
    assert legacy.seconds_to_wait(asked) == given


def test_a_long_request_pings_the_session(
    server: Server,
    loop_thread: LoopThread,
    alice: Person,
    token: str,
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = alice.join(token)["sessionId"]
    noted: list[str] = []
    monkeypatch.setattr(server.app.world[Pings], "note", noted.append)
    with loop_thread.still_clock() as move:
        answer = begin_waiting(server, threads, get, alice, token, timeout=60)
        assert noted == [session]
        move(30.2)  # deadlines are rounded up to tenths of a second
        until = time.monotonic() + 10
        while len(noted) < 2:
            assert time.monotonic() < until, "the session was not pinged"
            time.sleep(0.01)
        await_waiting(server, 1)
        move(30)
        assert answer.result(10) == []
    assert set(noted) == {session}


# --- read markers and access ----------------------------------------------------------------
def test_the_offset_moves_the_read_marker(alice: Person, bob: Person, token: str) -> None:
    for text in ("One", "Two", "Three"):
        alice.say(token, text)
    assert bob.room(token)["unreadMessages"] == 3
    get(bob, token)
    assert bob.room(token)["unreadMessages"] == 3
    get(bob, token, offset=2)
    assert bob.room(token)["unreadMessages"] == 1
    get(bob, token, offset=1)
    assert bob.room(token)["unreadMessages"] == 1


def test_an_unknown_room_and_one_of_others_answer_alike(server: Server, alice: Person, token: str) -> None:
    alice.say(token, "Private")
    for person in (server.add_user("stranger"), server.visitor()):
        hidden, absent = (person.request("GET", f"v1/chat/{name}") for name in (token, "abcdefgh"))
        assert (hidden.status_code, hidden.content) == (404, absent.content)


def test_the_lobby_keeps_members_out(alice: Person, bob: Person, token: str) -> None:
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert bob.status("GET", f"v1/chat/{token}", timeout=0) == 412
