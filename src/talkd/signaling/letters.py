"""What processes tell each other about sockets whose peers live elsewhere. Each process numbers its own sockets."""

import msgspec

from talkd.areas.signaling.home_model import PeerIdentity


class PeerState(msgspec.Struct, frozen=True):
    """A peer on its way to another home. It is in no room."""

    identity: PeerIdentity
    resume_id: str
    in_call: int
    kept: list[bytes]
    """The frames that its client has not confirmed, oldest first."""
    sent: int
    confirmed: int
    pinged: int


class Letter(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A message between the process that has a client's socket, and the home of its peer."""


# --- to the home --------------------------------------------------------------------------------
class Adopt(Letter, frozen=True):
    """Take a peer, and then handle a message of its client."""

    socket: int
    state: PeerState
    message: bytes


class Attach(Letter, frozen=True):
    """Let a client that resumes go on at this socket."""

    socket: int
    peer_id: str
    resume_id: str
    address: str
    features: list[str]
    version: str
    request_id: str


class Said(Letter, frozen=True):
    """Handle a message of the client. If it is `awaited`, tell when that is done."""

    socket: int
    message: bytes
    awaited: bool


class Confirmed(Letter, frozen=True):
    """The client has answered a ping."""

    socket: int
    content: bytes


class Lost(Letter, frozen=True):
    """The socket is closed."""

    socket: int


class Renew(Letter, frozen=True):
    """End a peer, because a request of its client to join a room was lost. The client cannot resume, and joins anew."""

    peer_id: str
    resume_id: str


# --- to the process with the socket ---------------------------------------------------------------
class Frames(Letter, frozen=True):
    """Send frames, each to some sockets."""

    frames: list[tuple[list[int], bytes]]


class Ping(Letter, frozen=True):
    """Ping the client."""

    socket: int
    content: bytes


class HangUp(Letter, frozen=True):
    """Close the socket after what was sent."""

    socket: int


class Handled(Letter, frozen=True):
    """An awaited message was handled."""

    socket: int


class Attached(Letter, frozen=True):
    """The answer to `Attach`: the client goes on, or its peer has ended."""

    socket: int
    is_there: bool


class Moved(Letter, frozen=True):
    """The peer goes to another home, because its client joins a room there by `message`."""

    socket: int
    home: int
    state: PeerState
    message: bytes


class Forgotten(Letter, frozen=True):
    """The home takes all sockets of this front for closed, because letters were lost. Their clients must resume."""


Any = Adopt | Attach | Said | Confirmed | Lost | Frames | Ping | HangUp | Handled | Attached | Moved | Forgotten | Renew

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Any).decode
