"""Media from client to client through the gateway."""

from collections.abc import Callable
from typing import Any

from support.janus import Janus
from support.media import Media
from support.people import Person
from support.sockets import Socket

Call = Callable[..., Media]


def test_clients_are_told_that_there_is_an_sfu(call: Call, alice: Person, token: str) -> None:
    socket = call(alice, token).socket
    assert {"mcu", "simulcast", "update-sdp", "offer-codecs"} <= set(socket.features)
    assert set(socket.welcome["features"]) == set(socket.features)


def test_each_receives_audio_and_video_of_the_other(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, second = call(alice, token), call(bob, token)
    first.publish()
    second.publish()
    for one, other in ((first, second), (second, first)):
        offer = one.receive(other.socket)
        assert offer["payload"]["sdp"].count("\nm=") == 2


def test_a_stream_that_is_asked_for_too_early_comes_when_it_is_sent(
    call: Call, alice: Person, bob: Person, token: str
) -> None:
    first, second = call(alice, token), call(bob, token)
    first.socket.tell(second.socket.id, "requestoffer", roomType="video")
    second.publish(kinds=("audio",))
    first.accept(second.socket)


def test_a_screen_is_offered_by_who_shares_it(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, second = call(alice, token), call(bob, token)
    first.publish("screen", kinds=("video",))
    first.socket.tell(second.socket.id, "sendoffer", roomType="screen")
    assert second.accept(first.socket)["roomType"] == "screen"
    first.socket.tell(second.socket.id, "unshareScreen", roomType="screen")
    assert second.socket.data("unshareScreen", first.socket.id)


def test_a_request_with_the_sid_of_an_offer_renews_it(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, second = call(alice, token), call(bob, token)
    second.publish()
    offer = first.receive(second.socket)
    first.socket.tell(second.socket.id, "selectStream", roomType="video", payload={"substream": 0, "temporal": 1})
    first.socket.tell(second.socket.id, "requestoffer", roomType="video", sid=offer["sid"])
    renewed = first.socket.data("offer", second.socket.id)
    assert renewed["sid"] == offer["sid"]
    assert renewed["payload"]["sdp"].count("\nm=") == 2


def test_media_that_are_added_later_come_with_a_renewed_offer(
    call: Call, alice: Person, bob: Person, token: str
) -> None:
    first, second = call(alice, token), call(bob, token)
    second.publish(kinds=("audio",))
    offer = first.receive(second.socket)
    second.publish(kinds=("video",))
    first.socket.tell(second.socket.id, "requestoffer", roomType="video", sid=offer["sid"])
    renewed = first.accept(second.socket)
    assert renewed["sid"] == offer["sid"]
    assert renewed["payload"]["sdp"].count("\nm=") == 2


def test_an_offer_chooses_codecs(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, second = call(alice, token), call(bob, token)
    answer = second.publish(audiocodec="pcmu", videocodec="h264")
    offer = first.receive(second.socket)["payload"]["sdp"]
    for sdp in (answer, offer):
        assert "PCMU/8000" in sdp
        assert "H264/90000" in sdp
        assert "opus" not in sdp
        assert "VP8" not in sdp


def test_who_sends_anew_is_received_anew(call: Call, alice: Person, bob: Person, token: str) -> None:
    first, second = call(alice, token), call(bob, token)
    second.publish(sid="1", kinds=("audio",))
    offer = first.receive(second.socket)
    second.publish(sid="2", kinds=("audio",))
    assert first.accept(second.socket)["sid"] != offer["sid"]


def test_the_bitrates_are_told(enter: Callable[..., Socket], alice: Person) -> None:
    socket = enter(alice, alice.create_room())
    token = alice.create_room()
    session = alice.join(token)["sessionId"]
    assert socket.join(token, session)["bandwidth"] == {"maxstreambitrate": 1_048_576, "maxscreenbitrate": 2_097_152}


def test_a_client_can_lower_its_bitrate_but_not_raise_it(call: Call, janus: Janus, alice: Person, token: str) -> None:
    first = call(alice, token)
    before = janus.list_rooms()
    for room_type, wish, bitrate in (
        ("video", 0, 1_048_576),
        ("audio", 300_000, 300_000),
        ("screen", 9_000_000, 2_097_152),
    ):
        first.publish(room_type, sid=room_type, kinds=("audio",), bitrate=wish)
        [room] = [each for each in janus.list_rooms() if each not in before]
        assert room["bitrate"] == bitrate
        before.append(room)


def test_everybody_is_back_after_the_gateway_was_restarted(
    call: Call, janus: Janus, open_socket: Callable[..., Socket], media: Any, alice: Person, bob: Person, token: str
) -> None:
    first, second = call(alice, token), call(bob, token)
    second.publish(kinds=("audio",))
    first.receive(second.socket)
    janus.kill()
    janus.start()
    second.socket.close_code()
    again = open_socket()
    assert again.refusal("hello", version="1.0", resumeid=second.socket.resume_id) == "no_such_session"
    again.hello(bob, token=token)
    again.join(token, second.socket.session)
    media(again).publish(kinds=("audio",))
    first.receive(again)
