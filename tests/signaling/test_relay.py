"""Messages between the clients of a room, and who may send which."""

from collections.abc import Callable
from typing import Any

import pytest

from support.people import Person
from support.sockets import Socket

Enter = Callable[..., Socket]
SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na={audio}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na={video}\r\n"


@pytest.fixture
def pair(enter: Enter, alice: Person, bob: Person, token: str) -> tuple[Socket, Socket]:
    """The sockets of a moderator and a member of one room."""
    return enter(alice, token), enter(bob, token)


def offer(audio: str = "sendrecv", video: str = "sendrecv", room: str = "video") -> dict[str, Any]:
    return {
        "type": "offer",
        "roomType": room,
        "payload": {"type": "offer", "sdp": SDP.format(audio=audio, video=video)},
    }


def until_permissions(socket: Socket, bits: int) -> None:
    """Wait until the server has told that a client has these permissions."""
    socket.until(
        "participants",
        "update",
        lambda update: any(
            each["sessionId"] == socket.id and each["participantPermissions"] & ~1 == bits for each in update["users"]
        ),
    )


def test_a_message_arrives_as_it_was_sent(pair: tuple[Socket, Socket], alice: Person) -> None:
    first, second = pair
    data = {"type": "candidate", "payload": {"text": 'ü 😀 "', "empty": None, "number": 1.50}}
    first.say(second, data)
    got = second.expect("message")
    assert got["data"] == data
    assert got["sender"] == {"type": "session", "sessionid": first.id, "userid": alice.id}


def test_a_message_to_the_room_reaches_all_others(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    first.send("message", recipient={"type": "room"}, data={"type": "startedTyping"})
    assert second.expect("message")["sender"]["type"] == "room"
    assert not [each for each in first.drain() if each["type"] == "message"]


def test_a_message_to_the_call_reaches_who_is_in_it(
    enter: Enter, pair: tuple[Socket, Socket], bob: Person, token: str
) -> None:
    first, second = pair
    first.send("message", recipient={"type": "call"}, data={"n": 1})
    bob.post(f"v4/call/{token}", flags=1)
    first.until("participants", "update", lambda update: any(each["inCall"] for each in update["users"]))
    first.send("message", recipient={"type": "call"}, data={"n": 2})
    assert second.expect("message")["data"] == {"n": 2}


def test_a_message_to_a_user_reaches_all_their_devices(
    enter: Enter, pair: tuple[Socket, Socket], bob: Person, second_device: Callable[[Person], Person], token: str
) -> None:
    first, second = pair
    third = enter(second_device(bob), token)
    first.send("message", recipient={"type": "user", "userid": bob.id}, data={"n": 1})
    assert [each.expect("message")["data"] for each in (second, third)] == [{"n": 1}] * 2


def test_a_message_to_somebody_elsewhere_goes_nowhere(enter: Enter, pair: tuple[Socket, Socket], carol: Person) -> None:
    outsider = enter(carol, carol.create_room())
    first, second = pair
    outsider.say(second, {"n": 1})
    outsider.send("message", recipient={"type": "user", "userid": second.user_id}, data={"n": 2})
    outsider.send("message", recipient={"type": "room"}, data={"n": 3})
    outsider.say(first, {"n": 4})
    outsider.drain()
    assert not [each for socket in pair for each in socket.drain() if each["type"] == "message"]


def test_messages_keep_their_order(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    for number in range(300):
        first.say(second, number)
    assert [second.expect("message")["data"] for _ in range(300)] == list(range(300))


@pytest.mark.parametrize(
    ("bits", "data", "arrives"),
    [
        (0, offer(), True),
        (128 | 16, offer(), False),
        (128 | 16, offer(video="recvonly"), True),
        (128 | 32, offer(audio="recvonly"), True),
        (128 | 32, offer(), False),
        (128 | 16 | 32, offer(room="screen"), False),
        (128 | 64, offer(room="screen"), True),
        (128, offer("recvonly", "inactive"), True),
        (128, {**offer(), "type": "answer"}, False),
        (128, {"type": "candidate"}, True),
    ],
)
def test_media_need_permissions(
    pair: tuple[Socket, Socket], alice: Person, bob: Person, token: str, bits: int, data: Any, arrives: bool
) -> None:
    first, second = pair
    if bits:
        attendee = alice.attendee(token, bob)
        alice.put(f"v4/room/{token}/attendees/permissions", attendeeId=attendee, permissions=bits, method="set")
        until_permissions(second, bits)
    second.say(first, data)
    if arrives:
        assert first.expect("message")["data"] == data
    else:
        assert second.expect("error")["code"] == "not_allowed"
        assert not [each for each in first.drain() if each["type"] == "message"]


def test_only_moderators_control_others(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    second.send("control", recipient={"type": "session", "sessionid": first.id}, data={"type": "mute"})
    assert second.expect("error")["code"] == "not_allowed"
    second.say(first, {"type": "control", "payload": {"action": "forceMute"}})
    assert second.expect("error")["code"] == "not_allowed"
    first.send("control", recipient={"type": "session", "sessionid": second.id}, data={"type": "mute", "audio": 1})
    assert second.expect("control")["data"] == {"type": "mute", "audio": 1}


def test_the_type_of_an_offer_cannot_be_hidden(
    pair: tuple[Socket, Socket], alice: Person, bob: Person, token: str
) -> None:
    first, second = pair
    attendee = alice.attendee(token, bob)
    alice.put(f"v4/room/{token}/attendees/permissions", attendeeId=attendee, permissions=128, method="set")
    until_permissions(second, 128)
    recipient = f'{{"type":"session","sessionid":"{first.id}"}}'
    sdp = "m=audio 9 X 1\\r\\na=sendrecv\\r\\n"
    hidden = ('"\\u006fffer"', '"x","type":"offer"', '5,"type":"offer"', '5,"type":"control"')
    for kind in hidden:
        data = f'{{"type":{kind},"roomType":"video","payload":{{"sdp":"{sdp}"}}}}'
        second.send_raw(f'{{"type":"message","message":{{"recipient":{recipient},"data":{data}}}}}')
        assert second.expect("error")["code"] == "not_allowed"


def test_who_waits_in_the_lobby_sends_and_sees_nothing(
    enter: Enter, pair: tuple[Socket, Socket], alice: Person, token: str
) -> None:
    first, second = pair
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert first.event("room", "leave") == [second.id]
    second.drain()
    second.say(first, {"n": 1})
    assert second.expect("error")["code"] == "not_allowed"
    first.say(second, {"n": 2})
    first.send("message", recipient={"type": "room"}, data={"n": 3})
    first.drain()
    assert not [each for each in second.drain() if each["type"] == "message"]
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    first.until("room", "join", lambda joined: second.id in {each["sessionid"] for each in joined})
    second.say(first, {"n": 4})
    assert first.expect("message")["data"] == {"n": 4}
