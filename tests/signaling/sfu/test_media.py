"""Media from client to client through the gateway."""

from collections.abc import Callable

from support.media import Media
from support.people import Person

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
