"""Recordings that begin at one process and end at another."""

from collections.abc import Iterator

import pytest

from support.company import Company, at, soon
from support.people import Person
from support.recorders import RecordingServer, running_recording_server
from support.running import Server
from support.time import pass_time
from talkd.areas.recording.service import STOP_AGAIN

Called = tuple[Server, Server, Person, str]


@pytest.fixture
def recorder() -> Iterator[RecordingServer]:
    with running_recording_server() as running:
        yield running


@pytest.fixture
def called(company: Company, recorder: RecordingServer) -> Called:
    """Two servers that use the recording server, and a user in a call in a room, which is recorded."""
    first, second = company(2)
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/recording_servers"
    first.admin.post(path, json={"value": recorder.setting}).raise_for_status()
    soon(lambda: second.app.world.talk_settings.recording_server)
    alice = first.add_user("alice")
    token = alice.create_room()
    alice.join(token)
    alice.post(f"v4/call/{token}")
    alice.post(f"v1/recording/{token}", status=1)
    started = {"token": token, "status": 1, "actor": {"type": "users", "id": alice.id}}
    assert recorder.report(second, {"type": "started", "started": started}).status_code == 200
    return first, second, alice, token


def stops(recorder: RecordingServer) -> list[str]:
    """Return the addresses under which the recording server was asked to stop."""
    return [address for _, message, address in recorder.asked if message["type"] == "stop"]


def test_a_recording_is_stopped_under_the_address_where_it_began(called: Called, recorder: RecordingServer) -> None:
    first, second, alice, token = called
    at(second, alice).delete(f"v1/recording/{token}")
    assert stops(recorder) == [first.url]


def test_the_recording_server_is_asked_once_after_a_call_whichever_process_leads(
    called: Called, recorder: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, alice, token = called
    alice.delete(f"v4/call/{token}")
    soon(lambda: stops(recorder))
    for server in (second, first, second):
        server.run_job("stop_recordings")
    assert stops(recorder) == [first.url]
    pass_time(monkeypatch, STOP_AGAIN + 1)  # the process that asked may have died before it did
    second.run_job("stop_recordings")
    assert stops(recorder)[:2] == [first.url] * 2
