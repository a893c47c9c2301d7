"""The people of most tests, and their room."""

import pytest

from support.people import ONE_TO_ONE, Person
from support.running import Server


@pytest.fixture
def alice(server: Server) -> Person:
    """Somebody with an account; she moderates `token`."""
    return server.add_user("alice")


@pytest.fixture
def bob(server: Server) -> Person:
    """Somebody else; a member of `token`."""
    return server.add_user("bob")


@pytest.fixture
def token(alice: Person, bob: Person) -> str:
    """A group conversation of alice and bob."""
    made = alice.create_room()
    alice.add(made, bob)
    return made


@pytest.fixture
def private(server: Server, alice: Person, bob: Person) -> str:
    """The conversation of the two alone."""
    token: str = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    return token
