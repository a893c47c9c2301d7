"""The people of most tests, and their room."""

import pytest

from support.people import Person
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
