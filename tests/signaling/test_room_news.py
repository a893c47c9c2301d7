"""Clients that ask for it hear in which of their other rooms there are new messages."""

from collections.abc import Callable
from typing import Any

from support.people import Person
from support.sockets import Socket
from talkd.signaling.peer import ROOM_NEWS
from talkd.signaling.room_news import MOST_ATTENDEES, NEWS

Open = Callable[..., Socket]


def open_at_home(open_socket: Open, person: Person, *features: str) -> Socket:
    socket = open_socket()
    socket.hello(person, features=features)
    return socket


def news(socket: Socket) -> list[str]:
    """Return the rooms of which the socket was told up to now."""
    events = [each["event"] for each in socket.drain() if each["type"] == "event"]
    updates = [each["update"] for each in events if each["target"] == "roomlist" and each["type"] == "update"]
    return [each["roomid"] for each in updates if each["properties"] == NEWS]


def is_news_of(token: str) -> Callable[[dict[str, Any]], bool]:
    return lambda told: told == {"roomid": token, "properties": NEWS}


def test_members_elsewhere_hear_that_there_is_a_message(
    enter: Open, open_socket: Open, alice: Person, bob: Person, carol: Person, token: str
) -> None:
    outsider = open_at_home(open_socket, carol, ROOM_NEWS)
    plain = open_at_home(open_socket, bob)
    inside = enter(alice, token, features=(ROOM_NEWS,))
    elsewhere = open_at_home(open_socket, bob, ROOM_NEWS)
    alice.say(token, "A secret")
    elsewhere.until("roomlist", "update", is_news_of(token))
    assert [news(each) for each in (outsider, plain, inside)] == [[], [], []]
    assert "A secret" not in str(elsewhere.drain())


def test_who_waits_in_the_lobby_hears_nothing(open_socket: Open, alice: Person, bob: Person, token: str) -> None:
    waiting = open_at_home(open_socket, bob, ROOM_NEWS)
    moderator = open_at_home(open_socket, alice, ROOM_NEWS)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    moderator.until("roomlist", "update", is_news_of(token))
    news(waiting)
    alice.say(token, "Nobody hears this")
    moderator.until("roomlist", "update", is_news_of(token))
    assert news(waiting) == []


def test_large_rooms_are_not_told_of(
    open_socket: Open, alice: Person, bob: Person, token: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("talkd.signaling.room_news.MOST_ATTENDEES", 2)
    assert MOST_ATTENDEES > 2
    small = alice.create_room(name="Small")
    alice.add(small, bob)
    alice.add(token, "admin")
    socket = open_at_home(open_socket, bob, ROOM_NEWS)
    alice.say(token, "to three")
    for _ in range(2):  # the first news may be of the time before
        alice.say(small, "to two")
        socket.until("roomlist", "update", is_news_of(small))
    assert token not in news(socket)
