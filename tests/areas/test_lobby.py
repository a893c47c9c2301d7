"""The lobby: turning it on and off, its timer, and what waiting attendees see."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import LoopThread, Server
from support.waiting import await_waiting, begin_waiting
from talkd.core import clock


@pytest.fixture
def hour_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that moves the date an hour ahead."""
    return lambda: monkeypatch.setattr(clock, "source", lambda: time.time() + 3601)


def set_lobby(person: Person, token: str, state: int, timer: int | None = None) -> dict[str, Any]:
    room: dict[str, Any] = person.put(f"v4/room/{token}/webinar/lobby", state=state, timer=timer)
    return room


def wait(person: Person, token: str, last: int, **params: Any) -> httpx.Response:
    return person.request(
        "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last, setReadMarker=0, **params
    )


def test_everybody_but_moderators_waits_until_the_lobby_is_off(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "For members")
    assert set_lobby(alice, token, 1)["lobbyState"] == 1
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 412
    assert bob.status("POST", f"v1/chat/{token}", message="Let me in") == 412
    assert bob.status("GET", f"v4/room/{token}/participants") == 412
    bob.join(token)
    assert bob.status("POST", f"v4/call/{token}", flags=1) == 412
    room = bob.room(token)
    assert (room["lobbyState"], room["canStartCall"], "lastMessage" in room) == (1, False, False)
    assert "lastMessage" not in bob.rooms()[token]
    alice.say(token, "Among us")
    set_lobby(alice, token, 0)
    assert bob.texts(token) == ["For members", "Among us"]
    assert bob.system_messages(token)[-2:] == ["lobby_non_moderators", "lobby_none"]


def test_the_permission_to_ignore_the_lobby(alice: Person, bob: Person, token: str) -> None:
    attendee_id = alice.attendee(token, bob)
    set_lobby(alice, token, 1)
    alice.put(f"v4/room/{token}/attendees/permissions", attendeeId=attendee_id, method="add", permissions=8)
    bob.say(token, "I am expected")
    alice.put(f"v4/room/{token}/attendees/permissions", attendeeId=attendee_id, method="remove", permissions=8)
    assert bob.status("POST", f"v1/chat/{token}", message="And now?") == 412


def test_only_changes_are_reported(alice: Person, token: str) -> None:
    for state in (1, 1, 0, 0):
        set_lobby(alice, token, state)
    later = int(time.time()) + 3600
    assert set_lobby(alice, token, 1, later)["lobbyTimer"] == later
    assert set_lobby(alice, token, 1, later + 1)["lobbyTimer"] == later + 1
    assert set_lobby(alice, token, 1)["lobbyTimer"] == 0
    reported = [each for each in alice.system_messages(token) if each.startswith("lobby")]
    assert reported == ["lobby_non_moderators", "lobby_none", "lobby_non_moderators"]


def test_refusals(server: Server, alice: Person, bob: Person, token: str) -> None:
    def refused(person: Person, token: str, **params: Any) -> tuple[int, Any]:
        return person.refused("PUT", f"v4/room/{token}/webinar/lobby", **{"state": 1, **params})

    assert refused(bob, token) == (403, [])
    assert refused(server.add_user("stranger"), token) == (404, [])
    assert refused(server.visitor(), token)[0] == 401
    assert refused(alice, token, state=2) == (400, "value")
    assert refused(alice, token, timer=-1) == (400, "value")
    assert refused(alice, alice.create_room(ONE_TO_ONE, invite=bob.id)) == (400, "type")
    assert refused(alice, alice.create_room(objectType="event", objectId="1#2")) == (400, "object")
    assert "lobby_non_moderators" not in alice.system_messages(token)


# --- the timer ------------------------------------------------------------------------------
def test_a_timer_in_the_past_turns_the_lobby_off_at_once(alice: Person, bob: Person, token: str) -> None:
    room = set_lobby(alice, token, 1, 1)
    assert (room["lobbyState"], room["lobbyTimer"]) == (0, 0)
    assert bob.system_messages(token)[-2:] == ["lobby_non_moderators", "lobby_timer_reached"]


def test_the_timer_turns_the_lobby_off_and_reports_it_once(
    server: Server,
    loop_thread: LoopThread,
    alice: Person,
    bob: Person,
    token: str,
    hour_later: Callable[[], None],
    threads: ThreadPoolExecutor,
) -> None:
    timer = int(time.time()) + 3600
    assert set_lobby(alice, token, 1, timer)["lobbyTimer"] == timer
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 412
    last = alice.history(token)[0]["id"]
    with loop_thread.still_clock() as move:
        waiting = begin_waiting(server, threads, wait, alice, token, last, timeout=20)
        hour_later()
        move(2)  # so that the job runs
        answer = waiting.result(20)
    assert [each["systemMessage"] for each in answer.json()["ocs"]["data"]] == ["lobby_timer_reached"]
    assert answer.json()["ocs"]["data"][0]["message"] == "The conversation is now open to everyone"
    server.run_job("turn_off_lobbies")  # a second run
    assert bob.system_messages(token).count("lobby_timer_reached") == 1
    assert (bob.room(token)["lobbyState"], bob.room(token)["lobbyTimer"]) == (0, 0)


def test_the_lobby_is_off_at_its_timer_before_the_job_runs(
    alice: Person, bob: Person, token: str, hour_later: Callable[[], None]
) -> None:
    set_lobby(alice, token, 1, int(time.time()) + 3600)
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 412
    hour_later()
    room = bob.room(token)
    assert (room["lobbyState"], room["lobbyTimer"]) == (0, 0)
    bob.say(token, "Here I am")


# --- waiting requests, calls and guests -----------------------------------------------------
def test_a_waiting_request_ends_when_the_lobby_is_turned_on(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    last = alice.history(token)[0]["id"]
    waiting = begin_waiting(server, threads, wait, bob, token, last)
    also_waiting = threads.submit(wait, alice, token, last)
    await_waiting(server, 2)
    set_lobby(alice, token, 1)
    assert waiting.result(10).status_code == 412
    assert also_waiting.result(10).status_code == 200


def test_turning_the_lobby_on_removes_everybody_but_moderators_from_the_call(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    alice.post(f"v4/room/{token}/public")
    guest = server.visitor()
    for person in (alice, bob, guest):
        person.join(token)
        person.post(f"v4/call/{token}", flags=7)
    set_lobby(alice, token, 1)
    assert [peer["actorId"] for peer in alice.get(f"v4/call/{token}")] == [alice.id]
    assert alice.room(token)["hasCall"] is True
    alice.delete(f"v4/call/{token}")
    assert alice.room(token)["hasCall"] is False


def test_turning_the_lobby_on_ends_a_call_without_moderators(alice: Person, bob: Person, token: str) -> None:
    bob.join(token)
    bob.post(f"v4/call/{token}", flags=7)
    set_lobby(alice, token, 1)
    room = alice.room(token)
    assert (room["hasCall"], room["callFlag"]) == (False, 0)
    assert alice.system_messages(token)[-3:] == ["lobby_non_moderators", "call_left", "call_ended"]


def test_demoted_moderators_wait_too(alice: Person, bob: Person, token: str) -> None:
    attendee_id = alice.attendee(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=attendee_id)
    set_lobby(alice, token, 1)
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}", flags=7)
    alice.delete(f"v4/room/{token}/moderators", attendeeId=attendee_id)
    assert [peer["actorId"] for peer in alice.get(f"v4/call/{token}")] == [alice.id]


def test_guests_wait_too(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    set_lobby(alice, token, 1)
    guest = server.visitor()
    guest.join(token)
    assert guest.status("POST", f"v1/chat/{token}", message="Hello") == 412
    guest.post(f"v1/guest/{token}/name", displayName="Vera")
    set_lobby(alice, token, 0)
    assert guest.say(token, "Hello")["actorDisplayName"] == "Vera"


def test_attendees_in_the_lobby_see_neither_messages_nor_the_call(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    alice.post(f"v4/room/{token}/public")
    guest = server.visitor()
    guest.join(token)
    set_lobby(alice, token, 1)
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=7)
    alice.say(token, f"Do you hear us, @{bob.id}?")
    inside = alice.room(token)
    assert (inside["hasCall"], inside["callFlag"], "lastMessage" in inside) == (True, 7, True)
    seen = [bob.room(token), bob.rooms()[token], bob.join(token), bob.post(f"v4/room/{token}/favorite")]
    seen += [bob.post(f"v1/chat/{token}/read", lastReadMessage=1), bob.delete(f"v1/chat/{token}/read")]
    for room in [*seen, guest.room(token), guest.join(token)]:
        assert (room["hasCall"], room["callFlag"], room["callStartTime"], room["callRecording"]) == (False, 0, 0, 0)
        assert (room["unreadMessages"], room["unreadMention"], room["unreadMentionDirect"]) == (0, False, False)
        assert "lastMessage" not in room
    for version in ("v1", "v2", "v3"):
        old = bob.get(f"{version}/room/{token}")
        assert (old["hasCall"], old["unreadMessages"], old["unreadMention"]) == (False, 0, False)
        assert (old["lastMessage"], old.get("count", 0), old.get("participants", {})) == ([], 0, {})
    assert bob.status("GET", f"v4/call/{token}/notification-state") == 201
    assert [each["actorId"] for each in alice.get(f"v4/call/{token}")] == [alice.id]
    assert bob.status("GET", f"v4/call/{token}") == 412
    set_lobby(alice, token, 0)
    room = bob.room(token)
    assert (room["hasCall"], room["unreadMessages"], room["unreadMentionDirect"]) == (True, 1, True)


def test_nobody_joins_the_call_while_the_lobby_is_turned_on(
    alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    bob.join(token)
    for _ in range(8):
        joining = threads.submit(bob.status, "POST", f"v4/call/{token}", flags=7)
        turning_on = threads.submit(set_lobby, alice, token, 1)
        turning_on.result()
        assert joining.result() in (200, 412)
        assert alice.get(f"v4/call/{token}") == []
        assert alice.room(token)["hasCall"] is False
        set_lobby(alice, token, 0)
