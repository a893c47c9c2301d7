"""Several servers of one database."""

from collections.abc import Callable

from support.people import Person
from support.running import PASSWORD, Server
from support.sockets import Socket

Company = Callable[..., list[Server]]
"""Starts so many servers that share a database. `configure` changes their settings."""
Enter = Callable[..., Socket]
"""Returns a socket at a server, of somebody who has joined a room there."""


def at(server: Server, person: Person) -> Person:
    """Return a client of the same user at another server."""
    return Person(server.client(person.id, PASSWORD), person.id)


def make_room(server: Server) -> tuple[Person, Person, str]:
    """Return two users and their room."""
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    return alice, bob, token
