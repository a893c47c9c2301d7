"""Jobs do nothing twice if two processes lead for a moment, and go on with what a process that died has left."""

import asyncio

import pytest

from support.company import Company, at
from support.people import Person
from support.running import Server, set_interval
from support.time import pass_time
from talkd.app import JOBS
from talkd.area import Job
from talkd.areas.notifications.messenger import Messenger
from talkd.core import clock
from talkd.core.constants import SESSION_KILL

LED = ("turn_off_lobbies", "deliver_reminders", "end_long_calls", "end_timed_out_sessions")


@pytest.fixture
def pair(company: Company, monkeypatch: pytest.MonkeyPatch) -> tuple[Server, Server]:
    """Two servers whose jobs run when the test says so, at both at the same time."""
    for job in (*LED, "deliver_notifications", "resume_notifications", "store_pings"):
        set_interval(monkeypatch, job, 100_000)
    first, second = company(2)
    return first, second


def run_at_both(pair: tuple[Server, Server], name: str) -> None:
    """Run a job at both servers at the same time, as if both led."""
    (job,) = [each for each in JOBS if each.name == name]

    async def run(job: Job) -> None:
        await asyncio.gather(*(job.run(server.app.world) for server in pair))

    pair[0].run(run(job))


def setting(server: Server, key: str, value: str) -> None:
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    server.admin.post(path, json={"value": value}).raise_for_status()


def notified(person: Person, kind: str) -> int:
    shown = person.get("/ocs/v2.php/apps/notifications/api/v2/notifications")
    return sum(each["object_type"] == kind for each in shown)


def test_a_lobby_is_turned_off_once(pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    alice = pair[0].add_user("alice")
    token = alice.create_room()
    alice.put(f"v4/room/{token}/webinar/lobby", state=1, timer=clock.now() + 60)
    pass_time(monkeypatch, 61)
    run_at_both(pair, "turn_off_lobbies")
    assert alice.system_messages(token).count("lobby_timer_reached") == 1


def test_a_reminder_comes_once(pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    alice = pair[0].add_user("alice")
    token = alice.create_room()
    said = alice.say(token, "remember")["id"]
    alice.post(f"v1/chat/{token}/{said}/reminder", timestamp=clock.now() + 60)
    pass_time(monkeypatch, 61)
    run_at_both(pair, "deliver_reminders")
    assert notified(alice, "reminder") == 1


def test_a_long_call_ends_once(pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = pair
    setting(first, "max_call_duration", "60")
    for server in pair:
        server.wait_for(lambda: second.app.world.talk_settings.max_call_duration)
    alice = first.add_user("alice")
    token = alice.create_room()
    alice.join(token)
    alice.post(f"v4/call/{token}")
    pass_time(monkeypatch, 70)
    run_at_both(pair, "end_long_calls")
    assert [each for each in alice.system_messages(token) if each.startswith("call_ended")] == ["call_ended_everyone"]


def test_a_session_is_ended_once(pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    alice = pair[0].add_user("alice")
    token = alice.create_room()
    alice.join(token)
    alice.post(f"v4/call/{token}")
    pass_time(monkeypatch, SESSION_KILL + 60)
    run_at_both(pair, "end_timed_out_sessions")
    assert alice.system_messages(token).count("call_left") == 1


def test_a_ping_in_the_memory_of_another_process_counts(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    alice = first.add_user("alice")
    token = alice.create_room()
    alice.join(token)
    pass_time(monkeypatch, SESSION_KILL + 5)
    first.run_job("end_timed_out_sessions")
    assert alice.room(token)["sessionId"] != "0"
    assert second.app.world.is_shared


def test_the_others_notify_of_messages_of_a_process_that_died(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice, bob = first.add_user("alice"), first.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    at(second, alice).say(token, f'@"{bob.id}"')
    rooms = second.app.world[Messenger]._rooms
    assert rooms
    rooms.clear()  # as if it had died
    first.app.world[Messenger]._rooms.clear()
    first.run_job("resume_notifications", "deliver_notifications")
    assert not first.app.world[Messenger]._rooms
    assert notified(bob, "chat") == 1
