"""Clients that poll meet those on sockets in one call."""

from collections.abc import Callable

import pytest

from support.people import Person
from support.polling import Polling
from support.sockets import Socket

Enter = Callable[..., Socket]


@pytest.fixture
def meeting(enter: Enter, alice: Person, bob: Person, token: str) -> tuple[Socket, Polling, str]:
    """A client on a socket and one that polls in a call, and the name of the latter for the former."""
    socket = enter(alice, token)
    alice.post(f"v4/call/{token}", flags=7)
    polling = Polling(bob, token)
    update = socket.until(
        "participants", "update", lambda each: sum(bool(user["inCall"]) for user in each["users"]) == 2
    )
    name = next(each["sessionId"] for each in update["users"] if each["userId"] == bob.id)
    return socket, polling, name


def test_an_offer_goes_both_ways(meeting: tuple[Socket, Polling, str]) -> None:
    socket, polling, name = meeting
    data = {"type": "offer", "roomType": "video", "sid": "1", "payload": {"type": "offer", "sdp": "x"}}
    polling.send(socket.session, data)
    got = socket.expect("message")
    assert got["sender"]["sessionid"] == name
    assert got["data"] == {**data, "from": name, "to": socket.id}
    socket.send("message", recipient={"type": "session", "sessionid": name}, data={**data, "type": "answer"})
    assert polling.message() == {**data, "type": "answer", "from": socket.session, "to": polling.session}


def test_both_agree_on_who_sends_the_offer(meeting: tuple[Socket, Polling, str]) -> None:
    socket, polling, name = meeting
    assert (socket.id < name) == (socket.session < polling.session)


def test_a_message_to_the_call_reaches_polling_clients(meeting: tuple[Socket, Polling, str]) -> None:
    socket, polling, _ = meeting
    socket.send("message", recipient={"type": "call"}, data={"type": "raiseHand"})
    assert polling.message()["type"] == "raiseHand"


def test_a_polling_client_cannot_be_reached_from_another_room(
    meeting: tuple[Socket, Polling, str], enter: Enter, carol: Person
) -> None:
    _, polling, name = meeting
    outsider = enter(carol, carol.create_room())
    outsider.send("message", recipient={"type": "session", "sessionid": name}, data={"type": "x"})
    outsider.drain()
    assert polling.poll() == []
