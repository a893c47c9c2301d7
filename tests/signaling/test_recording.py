"""The state of a recording reaches the sockets."""

from collections.abc import Callable, Iterator

import pytest

from support.people import Person
from support.recorders import RecordingServer, running_recording_server
from support.running import Server
from support.sockets import Socket

SETTING = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/recording_servers"


@pytest.fixture
def recorder(server: Server) -> Iterator[RecordingServer]:
    """A recording server that talkd is set up to use."""
    with running_recording_server() as running:
        server.admin_request("POST", SETTING, value=running.setting)
        yield running
        server.admin_request("DELETE", SETTING)


def test_the_state_of_a_recording_reaches_everybody_in_the_room(
    server: Server, recorder: RecordingServer, enter: Callable[..., Socket], alice: Person, bob: Person, token: str
) -> None:
    enter(alice, token)
    watching = enter(bob, token)
    alice.post(f"v4/call/{token}")

    def next_state() -> int:
        content = watching.until("room", "message", lambda each: each["data"]["type"] == "recording")
        assert content["roomid"] == token
        return int(content["data"]["recording"]["status"])

    alice.post(f"v1/recording/{token}", status=1)
    assert next_state() == 3
    recorder.report(server, {"type": "started", "started": {"token": token, "status": 1}})
    assert next_state() == 1
    alice.delete(f"v1/recording/{token}")
    recorder.report(server, {"type": "stopped", "stopped": {"token": token}})
    assert next_state() == 0
