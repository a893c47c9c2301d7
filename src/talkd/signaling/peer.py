"""Peers: clients that have said hello. A peer outlives its socket for a while, so that the client can resume."""

from collections import deque
from typing import TYPE_CHECKING, Protocol

from talkd.areas.signaling.home_model import PeerIdentity
from talkd.areas.signaling.identity_service import Match
from talkd.conversation.participant import Participant
from talkd.core.actor import Actor
from talkd.core.constants import Permission
from talkd.signaling.frames import frame_of
from talkd.signaling.letters import PeerState

if TYPE_CHECKING:
    from talkd.signaling.registry import LiveRoom

MAX_KEPT = 1000
"""Maximum number of messages kept for a client that has not confirmed them."""
MAX_KEPT_BYTES = 1024 * 1024
"""Maximum size of these messages together."""
CONFIRM_AFTER = 200
"""After so many messages the client is pinged at once, and not at the next second."""

CHAT_RELAY = "chat-relay"
"""Feature of clients that take new chat messages from events."""
ROOM_NEWS = "room-news"
"""Feature of clients that want to know of messages in rooms that they are not in."""


class Line(Protocol):
    """The way to a client: its socket."""

    def send(self, message: bytes) -> None:
        """Send a message. If the client reads too slowly, the line is cut instead."""

    def send_frame(self, frame: bytes) -> None:
        """Send a message that is a WebSocket frame already."""

    def ping(self, content: bytes) -> None:
        """Ask for a sign of life, which repeats `content` and says that all earlier messages have arrived."""

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
        "_confirmed",
        "_kept",
        "_kept_bytes",
        "_pinged",
        "_sent",
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
        "match",
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
        self.match = Match.NONE
        """How well it has proven that the session is its own."""
        self.standing: Standing | None = None
        """What the peer may do in its room. Internal peers have none and may do everything."""
        self.in_call = 0
        self.chat_known = 0
        """The id of the newest chat message of the room that the peer was brought, or 0."""
        self.sender = b""
        """The peer as the sender of a message in a room, encoded."""
        self._kept: deque[bytes] = deque()
        """The newest messages that the client has not confirmed, as frames."""
        self._kept_bytes = 0
        self._sent = self._confirmed = self._pinged = 0
        """The numbers of the last message that was sent, that the client has confirmed, and that it was asked for."""

    @property
    def is_present(self) -> bool:
        """Return True if others in the room see the peer. Who waits in the lobby is not seen and sees nobody."""
        return self.standing is None or self.standing.can_pass_lobby

    def may(self, permission: Permission) -> bool:
        """Return True if the peer has this permission in its room."""
        return self.standing is None or self.standing.may(permission)

    def send(self, message: bytes) -> None:
        """Send a message. It is kept until the client has confirmed it."""
        if self.owner is None:
            self.send_frame(frame_of(message))
        elif self.line is not None:
            self.line.send(message)

    def send_frame(self, frame: bytes) -> None:
        """Send a message that many peers get and that is a WebSocket frame already."""
        if self.owner is not None:
            return
        self._sent += 1
        self._kept.append(frame)
        self._kept_bytes += len(frame)
        if len(self._kept) > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
            self._drop_oldest()
        if self.line is not None:
            self.line.send_frame(frame)
            if self._sent - self._pinged >= CONFIRM_AFTER:
                self.ask_for_confirmation()

    def send_hint(self, frame: bytes) -> None:
        """Send a hint to fetch something. A client without a socket gets equal hints once."""
        if self.line is not None or frame not in self._kept:
            self.send_frame(frame)

    # --- another home ------------------------------------------------------------------------
    @property
    def identity(self) -> PeerIdentity:
        """Who the client is, for another process."""
        return PeerIdentity(
            self.id,
            self.user_id,
            self.display_name,
            self.login,
            sorted(self.features),
            self.is_internal,
            self.address,
        )

    @classmethod
    def identified(cls, identity: PeerIdentity, resume_id: str) -> "Peer":
        """Return a new peer with the identity of one that lived at another process."""
        return cls(
            identity.id,
            resume_id,
            user_id=identity.user_id,
            display_name=identity.display_name,
            login=identity.login,
            features=frozenset(identity.features),
            is_internal=identity.is_internal,
            address=identity.address,
        )

    def export(self) -> PeerState:
        """Return what another home needs to go on with the peer, which is in no room."""
        return PeerState(
            self.identity,
            self.resume_id,
            self.in_call,
            list(self._kept),
            self._sent,
            self._confirmed,
            self._pinged,
        )

    @classmethod
    def restore(cls, state: PeerState) -> "Peer":
        """Return the peer that was exported."""
        peer = cls.identified(state.identity, state.resume_id)
        peer.in_call = state.in_call
        peer._kept.extend(state.kept)
        peer._kept_bytes = sum(map(len, state.kept))
        peer._sent, peer._confirmed, peer._pinged = state.sent, state.confirmed, state.pinged
        return peer

    # --- what the client has received --------------------------------------------------------
    @property
    def kept(self) -> int:
        """How many messages are kept for the client."""
        return len(self._kept)

    @property
    def is_unconfirmed(self) -> bool:
        """Return True if messages were sent since the last ping."""
        return self._sent != self._pinged

    def ask_for_confirmation(self) -> None:
        """Ping the client. Its answer confirms what was sent up to now."""
        if self.line is not None:
            self._pinged = self._sent
            self.line.ping(str(self._sent).encode())

    def confirm(self, number: int) -> None:
        """Note that the client has received the first `number` messages."""
        while self._kept and self._sent - len(self._kept) < number <= self._sent:
            self._kept_bytes -= len(self._kept.popleft())
        if number <= self._sent:
            self._confirmed = max(self._confirmed, number)

    @property
    def has_overflowed(self) -> bool:
        """Return True if messages that the client has not confirmed are not kept. It cannot be resumed then."""
        return self._sent - len(self._kept) > self._confirmed

    def resume(self, line: Line) -> list[bytes]:
        """Continue on another socket. Return the messages that the client has not confirmed, oldest first.

        Some of them may have reached it: a message that comes twice does no harm, one that is missing does.
        """
        self.line, self.lost_at, self._pinged = line, None, self._confirmed
        return list(self._kept)

    def _drop_oldest(self) -> None:
        """Drop messages that the client has not confirmed in time."""
        while len(self._kept) > MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft())
