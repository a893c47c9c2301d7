"""A call of ten people through the gateway."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.janus import Janus
from support.media import Media
from support.people import PUBLIC
from support.running import Server

PEOPLE = 10


@pytest.fixture
def server(sfu_servers: Callable[[str], Server]) -> Iterator[Server]:
    """A server with the gateway."""
    running = sfu_servers("sqlite")
    yield running
    running.close_clients()


def test_ten_receive_audio_and_video_of_each_other(
    call: Callable[..., Media], idle_janus: Janus, server: Server
) -> None:
    owner = server.add_user("owner")
    token = owner.create_room(PUBLIC)
    clients = [call(person, token) for person in (owner, *(server.visitor() for _ in range(PEOPLE - 1)))]

    def receive_others(client: Media) -> list[str]:
        return [client.receive(other.socket)["payload"]["sdp"] for other in clients if other is not client]

    with ThreadPoolExecutor(PEOPLE) as threads:
        list(threads.map(Media.publish, clients))
        offers = [sdp for each in threads.map(receive_others, clients) for sdp in each]
    assert {sdp.count("\nm=") for sdp in offers} == {2}
    assert idle_janus.count_streams() == PEOPLE * PEOPLE
