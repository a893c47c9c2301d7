"""All peers of this process, and the rooms that they are in."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from talkd.signaling.peer import Peer


class LiveRoom:
    """A room that at least one peer is in."""

    __slots__ = (
        "announced_at",
        "announcing",
        "chat_from",
        "chat_seen",
        "for_polling",
        "id",
        "is_relaying",
        "list_sent",
        "may_have_missed",
        "members",
        "needs_list",
        "newcomers",
        "parted",
        "polling",
        "reading",
        "storing",
        "token",
        "transient",
    )

    def __init__(self, room_id: int, token: str) -> None:
        self.id, self.token = room_id, token
        self.members: dict[str, Peer] = {}
        """Everybody in the room, also in its lobby, by peer id."""
        self.newcomers: dict[str, Peer] = {}
        """The members whose arrival the others have not been told yet, and who have not been told who is there."""
        self.parted: list[str] = []
        """Ids of the peers whose departure the members have not been told yet."""
        self.polling: dict[str, int] = {}
        """The room's sessions without a peer, each with its flags in the call. Their clients poll."""
        self.for_polling: list[tuple[str, dict[str, Any]]] = []
        """Messages that wait to be stored for polling sessions, each with the session."""
        self.storing: Any = None
        """The task that stores them, or None."""
        self.transient: dict[str, Any] = {}
        self.announcing: Any = None
        """The timer of the next announcement, or None."""
        self.announced_at = 0.0
        self.needs_list = False
        """Whether the list of the room's sessions has changed since it was sent."""
        self.reading: Any = None
        """The task that reads that list, or None."""
        self.list_sent: dict[str, tuple[Any, ...]] = {}
        """What the list that was sent last said of each session."""
        self.chat_from: int | None = None
        """The id of the last chat message before those that the peers must still be brought, or None."""
        self.chat_seen = 0
        """The id of the newest message that the room is known to have, or 0."""
        self.may_have_missed = False
        """Whether events of the room may have been missed since its sessions were read."""
        self.is_relaying = False
        """Whether chat messages are being brought."""

    def list_all(self) -> list[Peer]:
        """Return the members, also those in the lobby."""
        return list(self.members.values())

    def list_present(self) -> list[Peer]:
        """Return the members that are not in the lobby."""
        return [peer for peer in self.members.values() if peer.is_present]


class Registry:
    """Peers by their ids, by the session that they joined a room with, and by user; and rooms by id."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}
        self._resumable: dict[str, Peer] = {}
        self._by_session: dict[str, Peer] = {}
        self._by_user: defaultdict[str, set[Peer]] = defaultdict(set)
        self._rooms: dict[int, LiveRoom] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._peers.values()))

    # --- peers ------------------------------------------------------------------------------
    def add(self, peer: Peer) -> None:
        """Add a peer that has said hello."""
        self._peers[peer.id] = self._resumable[peer.resume_id] = peer
        if peer.user_id is not None:
            self._by_user[peer.user_id].add(peer)

    def remove(self, peer: Peer) -> None:
        """Remove a peer that has left its room."""
        if self._peers.get(peer.id) is peer:
            del self._peers[peer.id], self._resumable[peer.resume_id]
        if peer.user_id is not None and peer.user_id in self._by_user:
            self._by_user[peer.user_id].discard(peer)
            if not self._by_user[peer.user_id]:
                del self._by_user[peer.user_id]

    def find(self, peer_id: str) -> Peer | None:
        """Return the peer with this public id, or None."""
        return self._peers.get(peer_id)

    def find_resumable(self, resume_id: str) -> Peer | None:
        """Return the peer with this resume id, or None."""
        return self._resumable.get(resume_id)

    def find_by_session(self, session_id: str) -> Peer | None:
        """Return the peer that has joined a room with this session, or None."""
        return self._by_session.get(session_id)

    def list_of_user(self, user_id: str) -> list[Peer]:
        """Return all peers of a user."""
        return list(self._by_user.get(user_id, ()))

    def list_users(self) -> list[str]:
        """Return the users who have a peer."""
        return list(self._by_user)

    # --- rooms ------------------------------------------------------------------------------
    def find_room(self, room_id: int) -> LiveRoom | None:
        """Return a room that peers are in, or None."""
        return self._rooms.get(room_id)

    def find_room_named(self, token: str) -> LiveRoom | None:
        """Return the room with this token if peers are in it, or None."""
        return next((room for room in self._rooms.values() if room.token == token), None)

    def list_rooms(self) -> list[LiveRoom]:
        """Return all rooms that peers are in."""
        return list(self._rooms.values())

    def enter(self, peer: Peer, room_id: int, token: str, session_id: str) -> LiveRoom:
        """Put a peer into a room with its session there. It must not be in another room."""
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = LiveRoom(room_id, token)
            room.needs_list = True
        room.polling.pop(session_id, None)
        room.members[peer.id] = room.newcomers[peer.id] = peer
        peer.room, peer.session_id, peer.chat_known = room, session_id, 0
        if session_id:
            self._by_session[session_id] = peer
        return room

    def leave(self, peer: Peer) -> LiveRoom | None:
        """Take a peer out of its room. Return the room, or None if it was in none."""
        room, session_id = peer.room, peer.session_id
        if room is None:
            return None
        peer.room, peer.session_id, peer.standing, peer.actor, peer.in_call = None, "", None, None, 0
        if self._by_session.get(session_id) is peer:
            del self._by_session[session_id]
        room.members.pop(peer.id, None)
        if room.newcomers.pop(peer.id, None) is None:
            room.parted.append(peer.id)
        if not room.members:
            self._rooms.pop(room.id, None)
        return room
