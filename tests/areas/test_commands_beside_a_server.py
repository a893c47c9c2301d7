"""Commands beside a running server: clients notice their changes at once, as if the API had made them."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.commands import run_command
from support.people import Person
from support.running import Server, unique
from support.time import pass_time
from support.waiting import await_waiting
from talkd.areas.announcements import model as announcements
from talkd.areas.announcements import service
from talkd.core.events import Event, GroupRenamed

SECOND = 1.0
"""The time within which a server follows a command."""
Poll = Future[httpx.Response]


@pytest.fixture
def wait(server: Server, threads: ThreadPoolExecutor) -> Callable[[Person, str], Poll]:
    """Return a function that starts to wait for the next message of a room."""

    await_waiting(server, 0)  # the polls of other tests have ended
    polls: list[Poll] = []

    def begin(person: Person, token: str) -> Poll:
        last = person.history(token)[0]["id"]
        poll = threads.submit(person.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last)
        polls.append(poll)
        await_waiting(server, len(polls))
        return poll

    return begin


def system_messages_of(poll: Poll) -> list[str]:
    """Return the system messages that a poll gets."""
    return [each["systemMessage"] for each in poll.result(20).json()["ocs"]["data"]]


REMOVALS = {
    ("group", "leave", "GROUP", "USER"): 404,
    ("group", "delete", "GROUP", "--yes"): 404,
    ("occ", "group:removeuser", "GROUP", "USER"): 404,
    ("occ", "group:delete", "GROUP"): 404,
    ("occ", "talk:room:remove", "ROOM", "USER"): 404,
    ("occ", "talk:user:remove", "--user", "USER"): 404,
    ("user", "delete", "USER", "--yes"): 401,
    ("occ", "user:delete", "USER"): 401,
}
"""Commands that remove a user from a room, and the status of the answer to the user's poll."""
ADDITIONS = [
    ("group", "join", "GROUP", "USER"),
    ("occ", "group:adduser", "GROUP", "USER"),
    ("occ", "talk:room:add", "ROOM", "--user", "USER"),
]


def run(server: Server, words: tuple[str, ...], **names: str) -> None:
    run_command(server, *(names.get(word, word) for word in words))


@pytest.mark.parametrize(("words", "status"), REMOVALS.items(), ids=map(" ".join, REMOVALS))
def test_removed_users_get_no_more_messages_and_others_see_the_removal(
    server: Server, alice: Person, bob: Person, wait: Callable[[Person, str], Poll], words: tuple[str, ...], status: int
) -> None:
    group = server.add_group(bob)
    token = alice.create_room()
    alice.add(token, group, "groups")
    bob.join(token)
    bob.post(f"v4/call/{token}", flags=3)
    removed, staying = wait(bob, token), wait(alice, token)
    with server.loop_thread.still_clock() as move:
        run(server, words, GROUP=group, USER=bob.id, ROOM=token)
        move(SECOND)
        assert removed.result(20).status_code == status
        assert system_messages_of(staying)
    assert "user_removed" in alice.system_messages(token)
    assert alice.get(f"v4/call/{token}") == []


@pytest.mark.parametrize("words", ADDITIONS, ids=" ".join)
def test_members_see_added_users_at_once(
    server: Server, alice: Person, bob: Person, wait: Callable[[Person, str], Poll], words: tuple[str, ...]
) -> None:
    group = server.add_group()
    token = alice.create_room()
    alice.add(token, group, "groups")
    waiting = wait(alice, token)
    with server.loop_thread.still_clock() as move:
        run(server, words, GROUP=group, USER=bob.id, ROOM=token)
        move(SECOND)
        assert system_messages_of(waiting) == ["user_added"]
    assert bob.room(token)["token"] == token


def test_a_changed_setting_is_in_force_within_a_second(server: Server, alice: Person) -> None:
    def wait_for(status: int) -> None:
        end = time.monotonic() + 20
        while alice.status("POST", "v4/room", roomType=2, roomName="Room") != status:
            assert time.monotonic() < end

    wait_for(201)
    with server.loop_thread.still_clock() as move:
        run_command(server, "config", "set", "start_conversations", f'["{unique("nobody")}"]')
        move(SECOND)
        wait_for(403)
        run_command(server, "config", "delete", "start_conversations")
        move(SECOND)
        wait_for(201)


@given(st.sampled_from(sorted(announcements.KINDS)).flatmap(lambda name: st.from_type(announcements.KINDS[name])))
def test_events_are_the_same_after_encoding_and_decoding(event: Event) -> None:
    assert announcements.decode(announcements.encode([event])) == (event,)


def test_events_of_another_version_are_left_out() -> None:
    known = GroupRenamed("staff", "Staff")
    text = announcements.encode([known]).decode().removesuffix("]")
    others = '["RoomPainted",{"color":"red"}],["GroupDeleted",{}]'
    assert announcements.decode(f"{text},{others}]") == (known,)


def test_messages_that_a_bus_did_not_take_are_deleted_after_a_minute(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = server.read(service.get_newest)
    server.write(lambda tx: service.announce(tx, [GroupRenamed("staff", "Staff")]))
    server.write(lambda tx: service.store_parcels(tx, [b""]))
    server.run_job("follow_other_processes")
    for seconds, stored in ((-10, [0, 1]), (10, [0])):
        pass_time(monkeypatch, service.KEEP_PARCELS + seconds)
        server.run_job("forget_announcements")
        assert [len(each.parcels) for each in server.read(lambda tx: service.list_after(tx, known))] == stored


def test_announcements_are_deleted_after_an_hour(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.write(lambda tx: service.announce(tx, [GroupRenamed("staff", "Staff")]))
    newest = server.read(service.get_newest)
    server.run_job("follow_other_processes")
    server.run_job("forget_announcements")
    assert server.read(service.get_newest) == newest
    pass_time(monkeypatch, service.KEEP + 10)
    server.run_job("forget_announcements")
    assert server.read(service.get_newest) == 0
    server.write(lambda tx: service.announce(tx, [GroupRenamed("staff", "Staff")]))
    assert server.read(service.get_newest) == newest + 1, "ids are never used twice"
