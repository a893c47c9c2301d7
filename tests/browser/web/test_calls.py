"""Calls in the web client: with each other, with guests, and with people on other clients."""

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys

from browser.web.call_pages import PREPARE, Enter
from support.callers import Caller
from support.people import PUBLIC, Person
from support.running import ADMIN, LoopThread, Server
from talkd.signaling.dispatch import RESUME_SECONDS

FAIL_DEVICES = """
const [reason] = arguments;
const devices = MediaDevices.prototype;
devices.open ??= devices.getUserMedia;
devices.getUserMedia = reason ? () => Promise.reject(new DOMException("", reason)) : devices.open;
"""
NAME_OF_WAY = "return /ice-ufrag:(.*)/.exec(window.connections.at(-1).localDescription.sdp)[1]"
UNPLUG = """
for (const { track } of window.connections.flatMap(each => each.getSenders()))
  if (track?.kind === "audio") track.dispatchEvent(new Event("ended"));
"""

SETTINGS = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed"
Join = Callable[..., Caller]

pytestmark = pytest.mark.timeout(300)  # browsers that encode video, on a machine that may be busy


def test_two_people_and_a_guest_hold_a_call(enter: Enter, owner: Person, member: Person, link: str) -> None:
    first, second = enter(owner), enter(member)
    first.call("Start call")
    second.call()
    first.sees(member.id)
    second.sees(owner.id)

    second.click("Mute microphone")
    first.marks(member.id, "Muted")
    second.keys("r")
    first.marks(member.id, "Hand is raised")

    first.click("Share screen")
    second.sees(owner.id, "screen")
    guest = enter()
    guest.call()
    guest.sees(owner.id, "screen")
    guest.sees(member.id)
    first.click("Stop sharing")
    second.has('figure[data-kind="screen"]', 0)

    first.click("People in the call")
    first.click("Mute Guest Gina")
    first.click("Close")
    guest.find("button", "Turn microphone on")

    guest.click("Leave call")
    first.has("figure", 2)
    second.chrome.refresh()
    first.has("figure", 1)

    second.call()
    first.sees(member.id)
    first.click("Show chat")
    first.say("mv r")
    second.click("Show chat")
    second.shows("mv r")
    first.find("button", "Mute microphone")  # the keys of the call do nothing while one writes
    first.click("Leave or end the call")
    first.click("End the call for all")
    for page in (first, second):
        page.has("section.call", 0)
    assert owner.get(f"v4/room/{link}")["hasCall"] is False


def test_keys_switch_microphone_and_camera(enter: Enter, owner: Person, member: Person) -> None:
    first, second = enter(owner), enter(member)
    first.call("Start call")
    second.call()
    second.sees(owner.id)
    first.keys("m")
    second.marks(owner.id, "Muted")
    first.hold(Keys.SPACE)
    second.marks(owner.id, "Muted", 0)
    first.release(Keys.SPACE)
    second.marks(owner.id, "Muted")
    first.keys("v")
    second.has(f'figure[data-person="{owner.id}"] video', 0)
    first.hold(Keys.CONTROL)
    first.keys("e")
    first.release(Keys.CONTROL)
    second.sees(owner.id)
    first.click("React")
    first.click("👍")
    second.has('figure [role="img"][aria-label="👍"]')
    second.keys("c")
    second.keys("vc")
    second.keys(Keys.ENTER)
    first.keys("c")
    first.shows("vc")
    second.find("button", "Turn camera off")
    first.run("document.activeElement.blur()")
    first.click("Devices and keys")
    first.click("Use single keys")
    first.click("Close")
    first.keys("m")
    first.hold(Keys.CONTROL)
    first.keys("d")
    first.release(Keys.CONTROL)
    second.marks(owner.id, "Muted", 0)


def test_a_call_rings_and_goes_on_while_another_room_is_open(
    enter: Enter, owner: Person, member: Person, link: str
) -> None:
    quiet = owner.create_room(PUBLIC, "Quiet")
    owner.add(quiet, member)
    member.post(f"v4/room/{quiet}/notify-calls", level=0)
    for token in (quiet, link):
        owner.join(token)
        owner.post(f"v4/call/{token}")
    page = enter(member, "/")
    page.shows("Call in progress")
    page.shows("Call in Room")
    assert page.lacks("Call in Quiet")
    page.click("Not now")
    page.lacks("Call in Room")
    owner.post(f"v4/call/{link}/ring/{owner.attendee(link, member)}")
    page.click("Join call")
    page.confirm()
    owner.delete(f"v4/call/{link}")

    page.click("Make the call small")
    page.open_room("Quiet")
    page.find("button", "Show the call")
    other = enter(owner)
    other.call()
    other.sees(member.id)
    page.sees(owner.id)
    owner.say(quiet, "read elsewhere")
    page.shows("read elsewhere")
    page.click("Show the call")
    page.click("Show chat")
    owner.say(link, "said in the call")
    page.shows("said in the call")
    other.keys("c")
    other.keys("d")
    page.shows("Owner is typing")
    page.sees(owner.id)
    page.click("Make the call small")
    page.open_room("Quiet")
    other.click("Leave or end the call")
    other.click("End the call for all")
    page.has("section.call", 0)
    owner.say(quiet, "read after the call")
    page.shows("read after the call")


def test_a_silent_call_notifies_only_those_who_are_rung(enter: Enter, owner: Person, member: Person) -> None:
    first, second = enter(owner), enter(member, "/")
    first.click("Start call")
    first.click("Notify nobody")
    first.confirm("Start call")
    second.shows("Call in progress")
    assert second.lacks("Call in Room")
    first.click("People in the call")
    first.click("Ring Member")
    first.shows("Was notified")
    second.shows("Call in Room")


def test_a_call_goes_on_after_the_network_was_lost(
    enter: Enter, call_server: Server, loop_thread: LoopThread, owner: Person, member: Person
) -> None:
    first, second = enter(owner), enter(member)
    first.call("Start call")
    second.call()
    second.sees(owner.id)
    way = second.run(NAME_OF_WAY)
    second.set_network(is_there=False)
    second.shows("Reconnecting")
    first.keys("m")
    second.set_network(is_there=True)
    second.marks(owner.id, "Muted")
    second.wait(lambda: second.run(NAME_OF_WAY) != way)
    second.sees(owner.id)

    second.set_network(is_there=False)
    second.shows("Reconnecting")
    with loop_thread.still_clock() as move:
        move(RESUME_SECONDS + 1)
        call_server.run_job("sweep_signaling")
        first.has("section.call figure", 1)
    second.set_network(is_there=True)
    first.sees(member.id)
    second.sees(owner.id)


def test_a_broken_connection_is_made_again(enter: Enter, owner: Person, member: Person) -> None:
    first, second = enter(owner), enter(member)
    first.call("Start call")
    second.call()
    second.sees(owner.id)
    second.run("for (const each of window.connections) each.close()")
    first.shows("Connecting")
    first.sees(member.id)
    second.sees(owner.id)


def test_refused_and_unplugged_devices_do_not_end_a_call(enter: Enter, owner: Person, member: Person) -> None:
    first, second = enter(owner), enter(member)
    first.call("Start call")
    second.run(PREPARE)
    second.run(FAIL_DEVICES, "NotAllowedError")
    second.click("Join call")
    second.shows("The camera was refused")
    second.click("Join call")
    first.marks(member.id, "Muted")
    second.sees(owner.id)
    second.run(FAIL_DEVICES, "")
    second.click("Turn camera on")
    second.click("Turn microphone on")
    first.sees(member.id)
    first.marks(member.id, "Muted", 0)
    second.run(FAIL_DEVICES, "NotFoundError")
    second.run(UNPLUG)
    second.shows("The microphone is no longer there")
    first.marks(member.id, "Muted")


def test_a_call_moves_to_another_device(enter: Enter, call_server: Server, owner: Person, member: Person) -> None:
    Person(call_server.admin, ADMIN).post(f"{SETTINGS}/recording_consent", value="1")
    first, old = enter(owner), enter(member)
    for page, button in ((first, "Start call"), (old, "Join call")):
        page.click(button)
        page.click("I agree that this call may be recorded")
        page.confirm(button)
    new = enter(member)
    new.click("Join call")
    new.shows("In the call: Owner")
    new.find("input", "Leave the call on your other device")
    new.click("I agree that this call may be recorded")
    new.confirm()
    old.has("section.call", 0)
    first.has("section.call figure", 2)
    first.sees(member.id)


@pytest.mark.parametrize("mode", ["gateway"])
def test_a_gateway_sends_a_picture_as_large_as_it_is_shown(enter: Enter, owner: Person, member: Person) -> None:
    first, second = enter(owner), enter(member)
    first.run("window.picture = { width: 960, height: 540 }")
    first.call("Start call")
    second.call()
    second.receives(owner.id, first, "m")
    second.click("Show who speaks")
    second.receives(owner.id, first, "h")
    second.click("Make the call small")
    second.receives(owner.id, first, "l")
    second.click("Show the call")
    first.click("Turn camera off")
    second.has(f'figure[data-person="{owner.id}"] video', 0)
    first.click("Turn camera on")
    second.receives(owner.id, first, "h")


@pytest.mark.parametrize("mode", ["sockets", "polls", "gateway"])
def test_people_on_other_clients_are_in_the_same_call(enter: Enter, join: Join, owner: Person, member: Person) -> None:
    other = join(member)
    other.call()
    page = enter(owner)
    page.call()
    page.sees(member.id)
    other.until("caller.peerOf(given[0])", owner.id)
    other.run("return caller.watch([arguments[0]])", owner.id)
    other.run("return caller.shareScreen()")
    page.sees(member.id, "screen")
    page.click("Share screen")
    other.run("return caller.watch([arguments[0]], 'screen')", owner.id)
    page.click("Turn camera off")
    page.click("Turn camera on")
    other.run("return caller.watch([arguments[0]])", owner.id)
    other.run("return caller.hangUp()")
    page.has('figure[data-kind="camera"]', 1)
