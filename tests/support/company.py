"""Several servers of one database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from support.people import Person
from support.running import PASSWORD, Server
from support.sockets import Socket
from talkd.bus.others import Others

Company = Callable[..., list[Server]]
"""Starts so many servers that share a database. `configure` changes their settings."""
Enter = Callable[..., Socket]
"""Returns a socket at a server, of somebody who has joined a room there."""


def at(server: Server, person: Person) -> Person:
    """Return a client of the same user at another server."""
    return Person(server.client(person.id, PASSWORD), person.id)


LATENCY = 1.0
"""Seconds after which a process must know what another one has answered."""


def make_room(server: Server) -> tuple[Person, Person, str]:
    """Return two users and their room."""
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    return alice, bob, token


def same_device(server: Server, person: Person) -> Person:
    """Return the same device of a person, with its cookies, at another server."""
    there = Person(server.client(person.id or None), person.id or None)
    there.http.cookies.update(person.http.cookies)
    return there


def soon(condition: Callable[[], Any]) -> Any:
    """Wait until a condition is true, but not longer than LATENCY seconds. Return its value."""
    end = time.monotonic() + LATENCY
    while not (found := condition()):
        assert time.monotonic() < end, f"this did not happen within {LATENCY} seconds"
        time.sleep(0.005)
    return found


@contextmanager
def deaf(server: Server) -> Iterator[None]:
    """Keep all messages of other servers from a server. Afterwards it gets them."""
    bus = server.app.world[Others]._bus
    assert bus is not None, "the server has others"
    receive, missed = bus.receive, list[bytes]()
    bus.receive = missed.append
    try:
        yield
    finally:
        bus.receive = receive
        for message in missed:
            server.loop_thread.loop.call_soon_threadsafe(receive, message)
