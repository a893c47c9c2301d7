"""Calls of real browsers through a media gateway."""

from collections.abc import Callable

import pytest

from support.callers import Caller, meet
from support.janus import Janus
from support.people import Person
from support.running import LoopThread, Server
from talkd.signaling.dispatch import RESUME_SECONDS

Join = Callable[..., Caller]

pytestmark = pytest.mark.timeout(300)  # browsers that encode video, on a machine that may be busy


@pytest.fixture
def mode() -> str:
    return "gateway"


def test_everybody_sees_the_others_and_a_screen(join: Join, owner: Person, member: Person) -> None:
    first, second, third = join(owner), join(member), join()
    meet(first, second, third)
    first.run("return caller.shareScreen()")
    for each in (second, third):
        each.watch(first, kind="screen")
    late = join()
    late.call(first, second, third)
    late.watch(first, kind="screen")
    for each in (first, second, third):
        each.watch(late)
    second.run("caller.forceMute(...arguments)", first.actor)
    second.until("caller.errors.length === 3")
    assert second.run("return caller.errors.splice(0)") == ["not_allowed"] * 3
    first.run("caller.forceMute(...arguments)", second.actor)
    for each in (first, third):
        each.until("caller.messages.some(each => each.type === 'mute' && each.payload.name === 'audio')")
        each.until("caller.statuses.some(each => each.type === 'audioOff')")
    assert second.run("return caller.camera.getAudioTracks()[0].enabled") is False


def test_who_is_removed_and_whose_page_is_killed_are_out_of_the_call(
    join: Join, call_server: Server, loop_thread: LoopThread, janus: Janus, owner: Person, member: Person, link: str
) -> None:
    first, second, guest = join(owner), join(member), join()
    meet(first, second, guest)
    janus.await_streams(9)
    owner.delete(f"v4/room/{link}/attendees", attendeeId=owner.participants(link)[guest.actor]["attendeeId"])
    janus.await_streams(4)
    guest.until("caller.endedAt && !caller.peers.length")
    first.until("caller.peers.length === 2")
    [peer_id] = second.run("return caller.hellos")
    second.crash()
    call_server.wait_for(lambda: call_server.peer(peer_id).line is None)
    with loop_thread.still_clock() as move:
        move(RESUME_SECONDS + 1)
        call_server.run_job("sweep_signaling")
    janus.await_streams(1)
    first.until("caller.peers.length === 1")


def test_media_go_on_while_a_socket_is_lost(join: Join, call_server: Server, owner: Person, member: Person) -> None:
    first, second = join(owner), join(member)
    meet(first, second)
    peer_id = second.lose_socket(call_server)
    first.watch(second)
    second.watch(first)
    second.run("caller.signaling.isOnline = true")
    second.until("caller.signaling.isReady")
    assert second.run("return caller.hellos") == [peer_id, peer_id]
    first.watch(second)
    second.watch(first)


def test_everybody_is_back_after_the_gateway_was_restarted(
    join: Join, janus: Janus, owner: Person, member: Person
) -> None:
    callers = join(owner), join(member), join()
    meet(*callers)
    janus.kill()
    janus.start()
    for each in callers:
        each.until("caller.hellos.length === 2")
    for each in callers:
        each.watch(*(other for other in callers if other is not each))
    for each in callers:  # who was back first has asked for streams of sessions that were ending
        each.run("caller.errors = caller.errors.filter((each) => each !== 'not_allowed')")


@pytest.mark.parametrize(
    "layers",
    [
        "layers = [{ rid: 'h' }, { rid: 'm', scaleResolutionDownBy: 2 }, { rid: 'l', scaleResolutionDownBy: 4 }]",
        "writesLayers = true",
    ],
    ids=["asked", "written"],
)
def test_a_receiver_chooses_the_layer_of_a_picture(join: Join, owner: Person, member: Person, layers: str) -> None:
    first, second = join(owner), join(member)
    first.run(f"caller.video = {{ width: 960, height: 540, frameRate: 5 }}; caller.{layers}")
    meet(first, second)
    for substream, width in ((0, 240), (2, 960), (1, 480)):
        second.run("caller.choose(...arguments)", first.actor, {"substream": substream, "temporal": 2})
        second.until("caller.see(given[0]).then(each => each === given[1])", first.actor, width)
        second.watch(first)
