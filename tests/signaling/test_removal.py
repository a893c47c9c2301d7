"""What ends a participation also ends it on sockets, within a second."""

from collections.abc import Callable

import pytest

from support.people import PUBLIC, Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.signaling.dispatch import ROOM_SECONDS

Enter = Callable[..., Socket]
Open = Callable[..., Socket]


def test_a_removed_member_is_out(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    first, second = enter(alice, token), enter(bob, token)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert second.event("roomlist", "disinvite") == {"roomid": token, "reason": "removed"}
    assert second.expect("room") == {"roomid": ""}
    assert first.event("room", "leave") == [second.id]
    first.say(second, {"n": 1})
    first.drain()
    assert not [each for each in second.drain() if each["type"] == "message"]


def test_a_banned_guest_is_out(enter: Enter, alice: Person, guest: Person) -> None:
    token = alice.create_room(PUBLIC)
    first, second = enter(alice, token), enter(guest, token)
    actor = next(
        each["actorId"] for each in alice.get(f"v4/room/{token}/participants") if each["actorType"] == "guests"
    )
    alice.post(f"v1/ban/{token}", actorType="guests", actorId=actor)
    assert second.event("roomlist", "disinvite")["roomid"] == token
    assert first.event("room", "leave") == [second.id]


@pytest.mark.parametrize("reason", ["never joined", "left", "banned"])
def test_a_guest_who_is_in_no_room_is_cut_off(
    open_socket: Open, loop_thread: LoopThread, alice: Person, guest: Person, reason: str
) -> None:
    token = alice.create_room(PUBLIC)
    socket = open_socket()
    with loop_thread.still_clock() as move:
        socket.hello(guest, token=token)
        if reason != "never joined":
            joined = guest.join(token)
            socket.join(token, joined["sessionId"])
            if reason == "left":
                socket.ask("room", roomid="")
            else:
                alice.post(f"v1/ban/{token}", actorType="guests", actorId=joined["actorId"])
                assert socket.expect("room") == {"roomid": ""}
        socket.drain()
        move(ROOM_SECONDS + 1)
        assert socket.expect("error")["code"] == "timeout"
    assert socket.close_code() == 1000


def test_a_deleted_room_has_nobody(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    sockets = [enter(alice, token), enter(bob, token)]
    alice.delete(f"v4/room/{token}")
    for socket in sockets:
        assert socket.event("roomlist", "disinvite") == {"roomid": token, "reason": "deleted"}
        assert socket.expect("room") == {"roomid": ""}


def test_leaving_over_http_leaves_on_the_socket(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    first, second = enter(alice, token), enter(bob, token)
    bob.delete(f"v4/room/{token}/participants/active")
    assert second.expect("room") == {"roomid": ""}
    assert first.event("room", "leave") == [second.id]


def _set_password(server: Server, person: Person) -> None:
    server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{person.id}", key="password", value="another long password")


def _disable(server: Server, person: Person) -> None:
    server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{person.id}/disable")


def _delete(server: Server, person: Person) -> None:
    server.admin_request("DELETE", f"/ocs/v2.php/cloud/users/{person.id}")


@pytest.mark.parametrize("end", [_set_password, _disable, _delete])
def test_the_end_of_a_login_closes_the_socket(
    enter: Enter, server: Server, alice: Person, bob: Person, token: str, end: Callable[[Server, Person], None]
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    bob.post(f"v4/call/{token}", flags=7)
    end(server, bob)
    assert second.close_code() == 1000
    assert second.id in first.event("room", "leave")
    server.wait_for(lambda: not alice.room(token)["hasCall"])


def test_other_changes_of_an_account_close_nothing(enter: Enter, server: Server, bob: Person) -> None:
    socket = enter(bob, bob.create_room())
    server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{bob.id}", key="displayname", value="Robert")
    assert not [each for each in socket.drain() if each["type"] == "bye"]
