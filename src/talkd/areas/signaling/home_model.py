"""Where clients of the signaling sockets live, if several processes serve the database.

A room has one home: the process where all its clients live, whichever process they are connected to.
"""

import msgspec


class PeerIdentity(msgspec.Struct, frozen=True):
    """Who a client is that has said hello."""

    id: str
    user_id: str | None
    display_name: str
    login: str
    """The secret of the credential that the user was logged in with."""
    features: list[str]
    is_internal: bool
    address: str


class KnownPeer(msgspec.Struct, frozen=True):
    """What another process needs to know to go on with a client."""

    identity: PeerIdentity
    resume: str
    """The fingerprint of the secret with which it resumes."""
    token: str = ""
    """The room that it is in, or empty."""
    session_id: str = ""
    """The session with which it has joined the room."""


class Found(msgspec.Struct, frozen=True):
    """A known peer, the process where it lives, and whether that one serves the database."""

    peer: KnownPeer
    process: int
    is_served: bool
