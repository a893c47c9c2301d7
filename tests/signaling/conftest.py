"""Clients with signaling sockets."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.people import Person
from support.running import Server
from support.sockets import Socket


@pytest.fixture
def carol(server: Server) -> Person:
    """A user who is not in `token`."""
    return server.add_user("carol")


@pytest.fixture
def guest(server: Server) -> Person:
    """A visitor with a cookie of their own."""
    return server.visitor()


@pytest.fixture
def second_device(server: Server) -> Callable[[Person], Person]:
    """Returns another client of a user."""
    return lambda person: Person(server.client(person.id), person.id)


@pytest.fixture
def open_socket(server: Server) -> Iterator[Callable[..., Socket]]:
    """Returns a new socket of the server, closed after the test."""
    opened: list[Socket] = []

    def open_one(**options: Any) -> Socket:
        socket = Socket(server, **options)
        opened.append(socket)
        return socket

    yield open_one
    for socket in opened:
        socket.close()


@pytest.fixture
def enter(open_socket: Callable[..., Socket]) -> Callable[..., Socket]:
    """Returns the socket of a person who has joined a room, and of whom the others know."""

    def enter_room(person: Person, token: str, *, features: tuple[str, ...] = ()) -> Socket:
        socket = open_socket()
        socket.hello(person, token=token, features=features)
        socket.session = person.join(token)["sessionId"]
        socket.join(token, socket.session)
        socket.seen = socket.event("room", "join")
        return socket

    return enter_room
