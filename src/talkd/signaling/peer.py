"""Peers: clients that have said hello. A peer outlives its socket for a while, so that the client can resume."""

from collections import deque
from typing import TYPE_CHECKING, Protocol

from talkd.conversation.participant import Participant
from talkd.core.actor import Actor
from talkd.core.constants import Permission

if TYPE_CHECKING:
    from talkd.signaling.registry import LiveRoom

MAX_PENDING = 1000
"""Maximum number of messages kept for a peer without a socket."""
MAX_PENDING_BYTES = 1024 * 1024
"""Maximum size of these messages together."""

CHAT_RELAY = "chat-relay"
"""Feature of clients that take new chat messages from events."""


class Line(Protocol):
    """The way to a client: its socket."""

    def send(self, message: bytes) -> None:
        """Send a message. If the client reads too slowly, the line is cut instead."""

    def send_frame(self, frame: bytes) -> None:
        """Send a message that is a WebSocket frame already."""

    def hang_up(self) -> None:
        """Close the connection after what was sent."""


class Standing:
    """What a peer may do in its room, as of the last look at the database."""

    __slots__ = ("can_pass_lobby", "is_moderator", "permissions")

    def __init__(self, me: Participant) -> None:
        self.permissions = me.permissions
        self.is_moderator = me.is_moderator
        self.can_pass_lobby = me.can_pass_lobby

    def may(self, permission: Permission) -> bool:
        """Return True if the peer has all bits of `permission`."""
        needed = int(permission)
        return self.permissions & needed == needed


class Peer:
    """A client that has said hello. Other clients know it by `id`; `resume_id` is its own secret."""

    __slots__ = (
        "_kept_bytes",
        "_pending",
        "actor",
        "address",
        "chat_known",
        "display_name",
        "features",
        "id",
        "in_call",
        "is_internal",
        "line",
        "login",
        "lost_at",
        "owner",
        "resume_id",
        "room",
        "sender",
        "session_id",
        "standing",
        "user_id",
        "virtual",
    )

    def __init__(
        self,
        peer_id: str,
        resume_id: str,
        *,
        user_id: str | None,
        display_name: str,
        login: str,
        features: frozenset[str],
        is_internal: bool = False,
        address: str = "",
    ) -> None:
        self.id, self.resume_id = peer_id, resume_id
        self.user_id, self.display_name, self.address = user_id, display_name, address
        self.login = login
        """The secret of the credential that the user was logged in with when the proof of their identity was made."""
        self.features = features
        self.is_internal = is_internal
        """Whether it is a part of the installation, such as a recording server, and no participant."""
        self.virtual: dict[str, Peer] = {}
        """The virtual peers of an internal client, by its own ids (`internal.py`)."""
        self.owner: Peer | None = None
        """The internal client that a virtual peer belongs to."""
        self.line: Line | None = None
        self.lost_at: float | None = None
        """When the socket was lost, in loop time; None while there is one."""
        self.room: LiveRoom | None = None
        self.session_id = ""
        """The session of the room, as in the HTTP API."""
        self.actor: Actor | None = None
        """The participant of that session."""
        self.standing: Standing | None = None
        """What the peer may do in its room. Internal peers have none and may do everything."""
        self.in_call = 0
        self.chat_known = 0
        """The id of the newest chat message of the room that the peer was brought, or 0."""
        self.sender = b""
        """The peer as the sender of a message in a room, encoded."""
        self._pending: deque[bytes] = deque()
        self._kept_bytes = 0

    @property
    def is_present(self) -> bool:
        """Return True if others in the room see the peer. Who waits in the lobby is not seen and sees nobody."""
        return self.standing is None or self.standing.can_pass_lobby

    def may(self, permission: Permission) -> bool:
        """Return True if the peer has this permission in its room."""
        return self.standing is None or self.standing.may(permission)

    def send(self, message: bytes) -> None:
        """Send a message, or keep it until the client resumes."""
        if self.line is not None:
            self.line.send(message)
        else:
            self._keep(message)

    def send_all(self, message: bytes, frame: bytes) -> None:
        """Send a message that many peers get, of which `frame` is the WebSocket frame."""
        if self.line is not None:
            self.line.send_frame(frame)
        else:
            self._keep(message)

    @property
    def has_overflowed(self) -> bool:
        """Return True if more messages were sent to the peer than can be kept. It cannot be resumed then."""
        return len(self._pending) > MAX_PENDING or self._kept_bytes > MAX_PENDING_BYTES

    def resume(self, line: Line) -> list[bytes]:
        """Continue on another socket. Return the messages that were kept, oldest first."""
        kept = list(self._pending)
        self._pending.clear()
        self._kept_bytes = 0
        self.line, self.lost_at = line, None
        return kept

    def _keep(self, message: bytes) -> None:
        if not self.has_overflowed:
            self._pending.append(message)
            self._kept_bytes += len(message)
