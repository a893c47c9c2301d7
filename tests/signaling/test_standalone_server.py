"""Calls through the standalone signaling server of Nextcloud Talk."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.go_signaling import GoSocket, SignalingServer
from support.people import PUBLIC, Person
from support.running import Server
from support.signaling_servers import use_servers
from support.sockets import Socket

Enter = Callable[[Person, str], GoSocket]


@pytest.fixture
def signaling(server: Server, tmp_path: Path) -> Iterator[SignalingServer]:
    """A signaling server that clients of talkd use."""
    started = SignalingServer(server, tmp_path)
    use_servers(server, started.url)
    yield started
    use_servers(server)
    started.close()


@pytest.fixture
def enter(server: Server, signaling: SignalingServer) -> Iterator[Enter]:
    """Returns the socket of a person who has joined a room."""
    opened: list[GoSocket] = []

    def enter_room(person: Person, token: str) -> GoSocket:
        assert person.get("v3/signaling/settings", token=token)["server"] == signaling.url
        socket = GoSocket(signaling, server)
        opened.append(socket)
        socket.hello(person, token=token)
        socket.session = person.join(token)["sessionId"]
        socket.join(token, socket.session)
        return socket

    yield enter_room
    for socket in opened:
        socket.close()


def flags_in(update: dict[str, list[dict[str, object]]]) -> dict[object, object]:
    """Return the flags of the sessions that are in a call. The server also lists those that have just left."""
    return {each["sessionId"]: each["inCall"] for each in update["users"] if each["inCall"]}


def test_two_clients_in_a_call(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    first, second = enter(alice, token), enter(bob, token)
    assert first.user_id == alice.id
    first.until("room", "join", lambda joined: any(each["userid"] == bob.id for each in joined))
    alice.post(f"v4/call/{token}", flags=7)
    bob.post(f"v4/call/{token}", flags=3)
    for socket in (first, second):
        both = {first.id: 7, second.id: 3}
        socket.until("participants", "update", lambda update, both=both: flags_in(update) == both)
    second.say(
        first, {"type": "offer", "to": first.id, "roomType": "video", "payload": {"type": "offer", "sdp": "v=0"}}
    )
    received = first.expect("message")
    assert (received["sender"]["sessionid"], received["data"]["type"]) == (second.id, "offer")
    bob.delete(f"v4/call/{token}")
    first.until("participants", "update", lambda update: flags_in(update) == {first.id: 7})


def test_chat_messages_reach_the_sockets(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    socket = enter(alice, token)
    bob.post(f"v1/chat/{token}", message="Hello")
    told = socket.until(
        "room", "message", lambda told: told["data"]["chat"].get("comment", {}).get("message") == "Hello"
    )
    assert told["roomid"] == token


def test_properties_and_members_reach_the_sockets(
    server: Server, enter: Enter, alice: Person, bob: Person, token: str
) -> None:
    socket = enter(bob, token)
    alice.put(f"v4/room/{token}", roomName="Renamed")
    socket.until("roomlist", "update", lambda told: told["properties"].get("name") == "Renamed")
    other = alice.create_room()
    alice.add(other, bob)
    socket.until("roomlist", "invite", lambda told: told["roomid"] == other)
    attendee = alice.participants(token)[bob.id]["attendeeId"]
    alice.delete(f"v4/room/{token}/attendees", attendeeId=attendee)
    socket.until("roomlist", "disinvite", lambda told: told["roomid"] == token)


def test_a_guest_is_in_the_call_too(server: Server, enter: Enter, alice: Person) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    first, second = enter(alice, token), enter(guest, token)
    guest.post(f"v4/call/{token}", flags=1)
    first.until("participants", "update", lambda update: flags_in(update).get(second.id) == 1)


def test_a_client_that_leaves_ends_its_session(server: Server, enter: Enter, alice: Person, token: str) -> None:
    socket = enter(alice, token)
    alice.post(f"v4/call/{token}", flags=7)
    socket.ask("room", roomid="")
    server.wait_for(lambda: alice.participants(token)[alice.id]["sessionIds"] == [])


def test_clients_move_to_an_external_server_with_their_sessions(
    server: Server, tmp_path: Path, alice: Person, bob: Person, token: str
) -> None:
    own = [Socket(server) for _ in range(3)]
    for socket, person in zip(own, (alice, bob), strict=False):
        socket.hello(person, token=token)
        socket.session = person.join(token)["sessionId"]
        socket.join(token, socket.session)
        person.post(f"v4/call/{token}", flags=7)
    with contextlib.closing(SignalingServer(server, tmp_path)) as external:
        use_servers(server, external.url)
        for socket in own[:2]:
            assert socket.expect("bye")["reason"] == "settings_changed"
        assert {socket.close_code() for socket in own} == {1000}
        moved = [GoSocket(external, server) for _ in range(2)]
        for there, person, before in zip(moved, (alice, bob), own, strict=False):
            there.hello(person, token=token)
            there.join(token, before.session)
        assert {each["sessionId"] for each in alice.get(f"v4/call/{token}")} == {each.session for each in own[:2]}
        moved[0].say(moved[1], {"type": "offer", "roomType": "video", "payload": {"type": "offer", "sdp": "v=0"}})
        assert moved[1].expect("message")["data"]["type"] == "offer"
        for there in moved:
            there.close()
        use_servers(server)


def test_a_foreign_session_does_not_open_a_room(
    enter: Enter, server: Server, signaling: SignalingServer, alice: Person, bob: Person, token: str
) -> None:
    session = alice.join(token)["sessionId"]
    socket = GoSocket(signaling, server)
    socket.hello(bob)
    assert socket.refusal("room", roomid=token, sessionid=session) == "no_such_room"
    socket.close()
