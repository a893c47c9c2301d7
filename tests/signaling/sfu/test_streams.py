"""Who may send and receive streams, and what ends them."""

from collections.abc import Callable
from typing import Any

import pytest

from support.janus import Janus
from support.media import Media
from support.people import Person
from support.sockets import Socket

Call = Callable[..., Media]
Enter = Callable[..., Socket]
SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=sendrecv\r\n"
OFFER: dict[str, Any] = {"roomType": "video", "payload": {"type": "offer", "sdp": SDP}}


def restrict(moderator: Person, token: str, other: Person, bits: int) -> None:
    """Let a participant send only the media in `bits`."""
    attendee = moderator.attendee(token, other)
    moderator.put(f"v4/room/{token}/attendees/permissions", attendeeId=attendee, permissions=128 | bits, method="set")


def test_only_participants_of_the_call_can_send_and_receive(
    call: Call, enter: Enter, alice: Person, bob: Person, token: str
) -> None:
    first, outside = call(alice, token), enter(bob, token)
    first.publish(kinds=("audio",))
    assert outside.code_for(first.socket.id, "requestoffer") == "not_allowed"
    assert outside.code_for(outside.id, "offer", **OFFER) == "not_allowed"
    assert first.socket.code_for(outside.id, "requestoffer") == "not_allowed"


def test_a_stream_in_another_room_cannot_be_received(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, elsewhere = call(alice, token), call(bob, bob.create_room())
    first.publish(kinds=("audio",))
    assert elsewhere.socket.code_for(first.socket.id, "requestoffer") == "not_allowed"
    assert elsewhere.socket.code_for("unknown", "requestoffer") == "not_allowed"


def test_sending_needs_permissions(call: Call, alice: Person, bob: Person, token: str) -> None:
    second = call(bob, token)
    restrict(alice, token, bob, 16)
    second.socket.until_permissions(128 | 16)
    assert second.socket.code_for(second.socket.id, "offer", **OFFER) == "not_allowed"
    second.publish(kinds=("audio",))


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("offer", {}, "no_sdp"),
        ("offer", {"payload": {"sdp": "nothing"}}, "invalid_sdp"),
        ("offer", {"payload": {"sdp": f"{SDP}\0"}}, "invalid_format"),
        ("selectStream", {"payload": {"substream": 2**70}}, "invalid_format"),
        ("offer", {"roomType": "theatre", "payload": {"sdp": SDP}}, "invalid_format"),
        ("candidate", {"payload": {"candidate": {"candidate": ""}}}, "client_not_found"),
        ("answer", {"payload": {"sdp": SDP}}, "client_not_found"),
        ("requestoffer", {}, "not_allowed"),
    ],
)
def test_wrong_messages_are_refused(
    call: Call, alice: Person, token: str, kind: str, data: dict[str, Any], code: str
) -> None:
    socket = call(alice, token).socket
    assert socket.code_for(socket.id, kind, **data) == code


def test_an_offer_with_an_impossible_number_is_refused(call: Call, alice: Person, token: str) -> None:
    socket = call(alice, token).socket
    recipient = f'{{"type":"session","sessionid":"{socket.id}"}}'
    data = '{"type":"offer","number":1e999,"payload":{"sdp":"v=0\\nm=audio 9 X 1"}}'
    socket.send_raw(f'{{"type":"message","message":{{"recipient":{recipient},"data":{data}}}}}')
    assert socket.expect("error")["code"] == "invalid_format"


@pytest.mark.parametrize("kind", ["answer", "candidate", "endOfCandidates", "selectStream"])
def test_who_does_not_receive_a_stream_is_told_so(
    call: Call, alice: Person, bob: Person, token: str, kind: str
) -> None:
    first, second = call(alice, token), call(bob, token)
    assert first.socket.code_for(second.socket.id, kind, payload={"sdp": SDP}) == "client_not_found"


def test_who_loses_a_permission_stops_to_send_what_needs_it(
    call: Call, idle_janus: Janus, alice: Person, bob: Person, token: str
) -> None:
    second = call(bob, token)
    second.publish()
    second.publish("screen", sid="screen", kinds=("video",))
    restrict(alice, token, bob, 16 | 32)  # no screen
    idle_janus.await_streams(1)
    restrict(alice, token, bob, 16)  # no video either
    idle_janus.await_streams(0)
    second.publish(sid="audio", kinds=("audio",))


def test_a_wrong_candidate_does_not_end_a_stream(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, second = call(alice, token), call(bob, token)
    second.publish(kinds=("audio",))
    about = {"roomType": "video", "sid": "1"}
    wrong: list[dict[str, Any]] = [
        {},
        {"candidate": 7},
        {"candidate": "a\0b", "sdpMid": "0"},
        {"candidate": "a", "sdpMid": "\0"},
        {"candidate": "a", "sdpMLineIndex": 2**70},
    ]
    for candidate in wrong:
        payload = {"candidate": candidate}
        assert second.socket.code_for(second.socket.id, "candidate", payload=payload, **about) == "invalid_candidate"
    assert second.socket.code_for(second.socket.id, "candidate", payload={}, **about) == "no_candidate"
    for text in ("nothing", "candidate:1 1 UDP x y z", "x" * 10_000):
        payload = {"candidate": {"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}}
        second.socket.tell(second.socket.id, "candidate", payload=payload, **about)
    first.receive(second.socket)


@pytest.mark.parametrize("end", ["call", "room", "bye", "removal", "permission", "everyone"])
def test_the_end_of_a_participation_frees_its_streams(
    call: Call, idle_janus: Janus, alice: Person, bob: Person, token: str, end: str
) -> None:
    first, second = call(alice, token), call(bob, token)
    second.publish(kinds=("audio",))
    first.receive(second.socket)
    assert idle_janus.count_streams() == 2
    if end == "call":
        bob.delete(f"v4/call/{token}")
    elif end == "room":
        second.socket.ask("room", roomid="")
    elif end == "bye":
        second.socket.ask("bye")
    elif end == "removal":
        alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    elif end == "permission":
        restrict(alice, token, bob, 32)
    else:
        alice.delete(f"v4/call/{token}", all=True)
    idle_janus.await_streams(0)
