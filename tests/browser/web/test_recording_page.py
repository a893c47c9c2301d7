"""The page in which a recording server sees a call, used as the real recording server uses it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.common.exceptions import JavascriptException
from selenium.webdriver import Chrome

from browser.conftest import FOR_CALLS, INTERNAL_SECRET, Join, Mode, running
from browser.web.call_pages import PREPARE, CallPage
from support.people import Person
from support.recorders import RecordingServer, running_recording_server, signed
from support.running import Server
from talkd.signaling.dispatch import Signaling
from talkd.signaling.peer import Peer

SETTING = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/recording_servers"
IN_CALL_SOUNDS = "return [...document.querySelectorAll('audio')].filter(each => !each.paused).length"
TRACK_SPEAKERS = """
window.heard = [];
const { SimpleWebRTC } = OCA.Talk;
SimpleWebRTC.on("channelMessage", (peer, label, data) => heard.push([data.type, peer.id]));
SimpleWebRTC.on("peerEnded", (peer) => heard.push(["ended", peer.id]));
SimpleWebRTC.connection.on("participantFlagsChanged", () => undefined);
"""
NAME_OF = """
const [id] = arguments;
const users = Object.values(OCA.Talk.SimpleWebRTC.connection.joinedUsers);
return users.find(each => each.sessionid === id)?.user.displayname;
"""

IGNORE_INTERNAL = """
const list = caller.list.bind(caller);
caller.list = (users) => list(users.filter((each) => !each.internal));
"""

pytestmark = pytest.mark.timeout(300)  # browsers that encode video, on a machine that may be busy


class Recorder(CallPage):
    """The browser of a recording server, in the page of a call."""

    def record(self, token: str, *, internal_secret: str = INTERNAL_SECRET) -> dict[str, Any]:
        """Join the call as recording servers do. Return the signaling settings."""
        self.chrome.get(f"{self.server.url}/index.php/call/{token}/recording")
        self.run(PREPARE)
        headers = signed(b"")
        asked = [token, headers["Talk-Recording-Random"], headers["Talk-Recording-Checksum"]]
        given = ", ".join(map(json.dumps, asked))
        settings: dict[str, Any] = self.execute_async(
            f"window.signalingSettings = await OCA.Talk.signalingGetSettingsForRecording({given});"
            "returnResolve(window.signalingSettings)"
        )
        proof = signed(b"", secret=internal_secret)
        auth = {
            "random": proof["Talk-Recording-Random"],
            "token": proof["Talk-Recording-Checksum"],
            "backend": self.server.url,
        }
        given = f"{json.dumps(token)}, window.signalingSettings, {json.dumps(auth)}"
        self.execute_async(f"await OCA.Talk.signalingJoinCallForRecording({given}); returnResolve()")
        return settings

    def execute_async(self, script: str) -> Any:
        """Run a script that ends by `returnResolve`. Raises JavascriptException if it throws."""
        return self.chrome.execute_async_script(
            "promise = new Promise(async (returnResolve, returnReject) => {"
            f"try {{ {script} }} catch (exception) {{ returnReject(exception) }} }});"
            "arguments[arguments.length - 1](promise)"
        )


@pytest.fixture(params=["sockets", "gateway"])
def mode(request: pytest.FixtureRequest) -> Mode:
    mode: Mode = request.param
    return mode


@pytest.fixture(autouse=True)
def recording_server(call_server: Server) -> Iterator[RecordingServer]:
    """A recording server that talkd is set up to use."""
    with running_recording_server() as running:
        call_server.admin_request("POST", SETTING, value=running.setting)
        yield running


@pytest.fixture(scope="module")
def recording_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium that plays sound without a click, as recording servers start it."""
    with running(tmp_path_factory.mktemp("recorder"), *FOR_CALLS, "--autoplay-policy=no-user-gesture-required") as made:
        yield made


@pytest.fixture
def recorder(recording_browser: Chrome, call_server: Server) -> Iterator[Recorder]:
    page = Recorder(recording_browser, call_server)
    yield page
    errors = page.errors()
    page.close()
    assert [each for each in errors if "/cloud/user" not in each] == []


@pytest.fixture
def people(call_browser: Chrome, call_server: Server, owner: Person, member: Person, link: str) -> Iterator[Any]:
    """The web clients of two people in the call."""
    pages = [CallPage(call_browser, call_server), CallPage(call_browser, call_server)]
    for page, person in zip(pages, (owner, member), strict=True):
        page.open(person, f"/call/{link}")
    pages[0].call("Start call")
    pages[1].call()
    yield pages
    for page in pages:
        page.close()


def test_a_recording_server_sees_and_hears_everybody(
    recorder: Recorder, people: list[CallPage], call_server: Server, owner: Person, member: Person, link: str
) -> None:
    first, second = people
    settings = recorder.record(link)
    assert settings["server"] == f"{call_server.url}/standalone-signaling"
    recorder.run(TRACK_SPEAKERS)
    recorder.sees(owner.id)
    recorder.sees(member.id)
    recorder.wait(lambda: recorder.run(IN_CALL_SOUNDS) == 2)
    assert recorder.count("button") == 0
    assert recorder.shows("Owner")
    assert recorder.shows("Member")
    for page in people:
        page.has("figure", 2)  # nobody sees the recording server
    [kind, speaker] = recorder.wait(lambda: recorder.run("return heard.find(([type]) => type === 'speaking')"))
    assert (kind, recorder.run(NAME_OF, speaker)) in [("speaking", "Owner"), ("speaking", "Member")]

    second.click("Mute microphone")
    recorder.marks(member.id, "Muted")
    first.click("Share screen")
    recorder.sees(owner.id, "screen")
    first.click("Stop sharing")
    recorder.has('figure[data-kind="screen"]', 0)

    second.click("Leave call")
    recorder.has(f'figure[data-person="{member.id}"]', 0)
    recorder.wait(lambda: recorder.run("return heard.some(([type]) => type === 'ended')"))
    second.call()
    recorder.sees(member.id)
    recorder.execute_async("OCA.Talk.signalingKill(); returnResolve()")
    recorder.has("figure", 0)


def test_a_recording_server_that_comes_during_a_screen_share_sees_it(
    recorder: Recorder, people: list[CallPage], owner: Person, link: str
) -> None:
    people[0].click("Share screen")
    people[1].sees(owner.id, "screen")
    recorder.record(link)
    recorder.sees(owner.id, "screen")


@pytest.mark.parametrize("mode", ["sockets"])
def test_a_recording_goes_on_after_the_socket_was_lost(
    recorder: Recorder, people: list[CallPage], call_server: Server, owner: Person, link: str
) -> None:
    recorder.record(link)
    recorder.sees(owner.id)

    signaling = call_server.app.world[Signaling]

    def internal() -> list[Peer]:
        return [each for each in signaling.registry if each.is_internal and each.room is not None]

    async def end(peer: Peer) -> None:
        signaling.renew(peer)

    [ended] = internal()
    call_server.run(end(ended))
    call_server.wait_for(lambda: internal() and internal() != [ended])
    recorder.sees(owner.id)


@pytest.mark.parametrize("mode", ["sockets"])
def test_a_wrong_secret_ends_the_attempt_to_record(recorder: Recorder, link: str) -> None:
    with pytest.raises(JavascriptException, match="Authentication failed for signaling server"):
        recorder.record(link, internal_secret="another secret")


@pytest.mark.parametrize("mode", ["sockets"])
def test_a_client_that_offers_nothing_to_recording_servers_is_recorded(
    recorder: Recorder, join: Join, owner: Person, link: str
) -> None:
    caller = join(owner)
    caller.run(IGNORE_INTERNAL)
    caller.call()
    recorder.record(link)
    recorder.sees(owner.id)
