"""Where clients of the signaling sockets live, if several processes serve the database.

A room has one home: the process where all its clients live, whichever process they are connected to.
"""

from typing import Annotated

import msgspec

Features = Annotated[list[str], msgspec.Meta(max_length=50)]


class KnownPeer(msgspec.Struct, frozen=True):
    """A client that has said hello, as far as another process needs to know it to go on with it."""

    id: str
    resume: str
    """The fingerprint of the secret with which it resumes."""
    user_id: str | None
    display_name: str
    login: str
    """The secret of the credential that the user was logged in with."""
    features: list[str]
    is_internal: bool
    address: str
    token: str = ""
    """The room that it is in, or empty."""
    session_id: str = ""
    """The session with which it has joined the room."""


class Found(msgspec.Struct, frozen=True):
    """A known peer, the process where it lives, and whether that one serves the database."""

    peer: KnownPeer
    process: int
    is_served: bool
