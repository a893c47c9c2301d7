"""Calls of real browsers: each participant sees the pictures of each other."""

from collections.abc import Callable

import pytest

from support.callers import Caller, meet
from support.people import Person
from support.running import LoopThread, Server
from talkd.signaling.dispatch import RESUME_SECONDS

Join = Callable[..., Caller]

pytestmark = pytest.mark.timeout(300)  # four browsers that encode video, on a machine that may be busy


@pytest.mark.parametrize("mode", ["sockets", "polls"])
def test_owner_member_and_guests_see_each_other(join: Join, owner: Person, member: Person) -> None:
    meet(join(owner), join(member), join(), join())


def test_a_client_that_only_polls_meets_those_on_sockets(join: Join, owner: Person, member: Person) -> None:
    meet(join(owner), join(member, only_polls=True), join())


def test_a_shared_screen_is_a_second_stream(join: Join, owner: Person, member: Person) -> None:
    first, second, late = join(owner), join(member), join()
    meet(first, second)
    first.run("return caller.shareScreen()")
    second.watch(first, kind="screen")
    late.call(first, second)
    late.watch(first, kind="screen")
    late.watch(first, second)


def test_a_moderator_mutes_a_participant(join: Join, owner: Person, member: Person) -> None:
    first, second = join(owner), join(member)
    meet(first, second)
    second.run("caller.forceMute(...arguments)", first.actor)
    second.until("caller.errors.splice(0).includes('not_allowed')")
    first.run("caller.forceMute(...arguments)", second.actor)
    first.until("caller.messages.some(each => each.type === 'mute' && each.payload.name === 'audio')")
    assert second.run("return caller.camera.getAudioTracks()[0].enabled") is False
    assert first.run("return caller.camera.getAudioTracks()[0].enabled") is True


@pytest.mark.parametrize("only_polls", [False, True])
def test_who_is_removed_is_out_of_the_call(join: Join, owner: Person, link: str, only_polls: bool) -> None:
    first, guest = join(owner), join(only_polls=only_polls)
    meet(first, guest)
    actor = owner.participants(link)[guest.actor]["attendeeId"]
    owner.delete(f"v4/room/{link}/attendees", attendeeId=actor)
    guest.until("caller.endedAt && !caller.peers.length")
    first.until("!caller.peers.length")


def test_a_lost_socket_resumes_without_a_lost_message(
    join: Join, call_server: Server, owner: Person, member: Person
) -> None:
    first, second = join(owner), join(member)
    meet(first, second)
    peer_id = second.lose_socket(call_server)
    second.until("!caller.signaling.isReady")
    count = "for (let n = 0; n < 100; n++) caller.signaling.send(caller.peers[0].id, {type: 'count', payload: n})"
    for each in (first, second):
        each.run(count)
    second.run("caller.signaling.isOnline = true")
    for each in (first, second):
        each.until("caller.messages.length >= 100")
        assert each.run("return caller.messages.map(each => each.payload)") == list(range(100))
    assert second.run("return caller.hellos") == [peer_id, peer_id]
    first.watch(second)
    second.watch(first)


def test_a_page_that_is_killed_leaves_the_call(
    join: Join, call_server: Server, loop_thread: LoopThread, owner: Person, member: Person
) -> None:
    first, second = join(owner), join(member)
    meet(first, second)
    [peer_id] = second.run("return caller.hellos")
    second.crash()
    call_server.wait_for(lambda: call_server.peer(peer_id).line is None)
    call_server.run_job("sweep_signaling")
    assert first.run("return caller.peers.length") == 1
    with loop_thread.still_clock() as move:
        move(RESUME_SECONDS + 1)
        call_server.run_job("sweep_signaling")
    first.until("!caller.peers.length")
    first.until("!caller.users.some(each => each.actorId === given[0])", second.actor)
