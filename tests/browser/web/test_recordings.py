"""Recording of calls in the web client, with a recording server that stands in for the real one."""

from collections.abc import Iterator

import pytest

from browser.web.call_pages import Enter
from support.people import Person
from support.recorders import RecordingServer, running_recording_server
from support.running import ADMIN, Server
from support.sockets import Socket

SETTINGS = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed"

pytestmark = pytest.mark.timeout(300)  # browsers that encode video, on a machine that may be busy


@pytest.fixture
def admin(call_server: Server) -> Person:
    return Person(call_server.admin, ADMIN)


@pytest.fixture
def recorder(admin: Person) -> Iterator[RecordingServer]:
    """A recording server that talkd is set up to use."""
    with running_recording_server() as running:
        admin.post(f"{SETTINGS}/recording_servers", value=running.setting)
        yield running


def start(server: Server, recorder: RecordingServer, token: str, status: int) -> None:
    server.wait_for(lambda: token in recorder.recordings)
    assert recorder.recordings[token]["status"] == status
    started = {"token": token, "status": status}
    assert recorder.report(server, {"type": "started", "started": started}).status_code == 200


@pytest.mark.parametrize("mode", ["sockets", "gateway"])
def test_everybody_in_a_call_sees_that_it_is_recorded(
    enter: Enter, call_server: Server, recorder: RecordingServer, owner: Person, member: Person, link: str
) -> None:
    first, second, guest = enter(owner), enter(member), enter()
    first.call("Start call")
    second.call()
    second.click("Make the call small")
    guest.call()
    everybody = (first, second, guest)

    first.find("button", "Record the call").send_keys("\n")
    first.find("button", "Record video and sound").send_keys("\n")
    for page in everybody:
        page.states("Recording starts …")
    start(call_server, recorder, link, 1)
    for page in everybody:
        page.states("Recording video and sound")
    for page in (second, guest):
        assert page.count('section.call button[aria-label="Stop recording"]') == 0

    assert first.run("return document.activeElement.ariaLabel") == "Stop recording"
    first.click("Stop recording")
    call_server.wait_for(lambda: link not in recorder.recordings)
    recorder.report(call_server, {"type": "stopped", "stopped": {"token": link}})
    for page in everybody:
        page.states("")

    first.click("Record the call")
    first.click("Record sound only")
    start(call_server, recorder, link, 2)
    for page in everybody:
        page.states("Recording sound")
    recorder.report(call_server, {"type": "failed", "failed": {"token": link}})
    for page in everybody:
        page.states("The recording failed")


def test_a_recording_that_cannot_start_says_so(
    enter: Enter, call_server: Server, recorder: RecordingServer, owner: Person, link: str
) -> None:
    page = enter(owner)
    page.call("Start call")
    recorder.is_broken = True
    page.click("Record the call")
    page.click("Record video and sound")
    page.shows("the recording server does not answer")
    page.states("The recording failed")
    page.errors()  # the console tells of the answer 400
    page.click("Leave or end the call")
    page.click("Leave call")
    page.call("Start call")
    page.find("button", "Record the call")
    page.states("")


def test_a_call_cannot_be_recorded_without_a_recording_server(enter: Enter, owner: Person) -> None:
    page = enter(owner)
    page.call("Start call")
    assert page.count('section.call button[aria-label="Record the call"]') == 0


def test_who_joins_is_told_of_the_recording_and_asked_for_consent(
    enter: Enter, admin: Person, call_server: Server, recorder: RecordingServer, owner: Person, link: str
) -> None:
    admin.post(f"{SETTINGS}/recording_consent", value="2")
    owner.put(f"v4/room/{link}/recording-consent", recordingConsent=1)
    owner.join(link)
    owner.post(f"v4/call/{link}", recordingConsent=True)
    owner.post(f"v1/recording/{link}", status=1)
    start(call_server, recorder, link, 1)
    guest = enter()
    guest.click("Join call")
    guest.shows("This call is being recorded.")
    guest.click("Join call")
    assert guest.count("section.call") == 0
    guest.click("I agree that this call may be recorded")
    guest.confirm()
    guest.states("Recording video and sound")


def test_a_recording_server_is_nobody_in_the_call(enter: Enter, call_server: Server, owner: Person, link: str) -> None:
    call_server.config.calls.internal_secret = "the secret of internal clients"
    first = enter(owner)
    first.call("Start call")
    recorder = Socket(call_server)
    recorder.hello_internal(call_server, call_server.config.calls.internal_secret)
    recorder.ask("room", roomid=link)
    recorder.send("internal", type="incall", incall={"incall": 1})
    offered = recorder.expect("message")["data"]
    while offered["type"] != "offer":  # before it come the states of microphone and camera
        offered = recorder.expect("message")["data"]
    assert first.count("section.call figure") == 1
    first.click("People in the call")
    first.has("dialog[open] li", 2)  # the caller, and the member who can be rung
    recorder.close()
