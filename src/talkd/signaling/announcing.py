"""Tell peers who came, who left, and what sessions of their room do.

Announcements of a room are collected for a moment, so that many changes at once cost each peer a few messages.
"""

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from talkd.areas.signaling import identity_service as identities
from talkd.areas.signaling.identity_service import Presence
from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import USERS
from talkd.core.errors import Unavailable
from talkd.signaling import bridge, messages, transient
from talkd.signaling.frames import frame_of
from talkd.signaling.peer import Peer, Standing
from talkd.signaling.registry import LiveRoom
from talkd.storage.availability import RETRY_SECONDS

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

GAP = 0.05
"""Seconds between two announcements in a room."""
GAP_OF_MEMBER = 0.001
"""Seconds that each member adds to the gap: announcements grow with the room, and so does the number of readers."""
MAX_GAP = 0.5
"""The gap in large rooms. Who loses a permission must lose it within a second."""
JOINS = 100
"""How many newcomers one event names."""


class Announcer:
    """The announcements of all rooms."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling

    def schedule(self, room: LiveRoom, *, list_changed: bool = False) -> None:
        """Announce soon who came and left, and with `list_changed` the list of the room's sessions."""
        room.needs_list = room.needs_list or list_changed
        if room.announcing is None:
            loop = asyncio.get_running_loop()
            gap = min(GAP + GAP_OF_MEMBER * len(room.members), MAX_GAP)
            room.announcing = loop.call_at(max(loop.time(), room.announced_at + gap), self._announce, room)

    def _announce(self, room: LiveRoom) -> None:
        room.announcing, room.announced_at = None, asyncio.get_running_loop().time()
        newcomers = [peer for peer in room.newcomers.values() if peer.is_present]
        parted, room.parted = room.parted, []
        room.newcomers = {key: peer for key, peer in room.newcomers.items() if not peer.is_present}
        new = set(newcomers)
        present = room.list_present()
        others = [peer for peer in present if peer not in new]
        if parted:
            send_to(others, messages.event("room", "leave", parted))
        for start in range(0, len(newcomers), JOINS):
            send_to(others, _joins(newcomers[start : start + JOINS]))
        if newcomers:
            for start in range(0, len(present), JOINS):
                send_to(newcomers, _joins(present[start : start + JOINS]))
        if newcomers and any(peer.in_call for peer in present):
            room.list_sent.clear()  # so that newcomers get it even if it has not changed
            room.needs_list = True
        if room.needs_list and room.reading is None and room.members:
            room.needs_list = False
            room.reading = self._signaling.spawn(self._send_list(room))

    async def _send_list(self, room: LiveRoom) -> None:
        """Read the sessions of a room, and tell its peers."""
        try:
            found = await self._signaling.world.db.read(lambda tx: identities.list_present(tx, room.token))
        except Unavailable:
            await asyncio.sleep(RETRY_SECONDS)
            room.needs_list, found = True, None
        finally:
            room.reading = None
        if found is not None and found.room.id == room.id:
            self._signaling.chat.catch_up(room, found.room.last_message_id)
            self._update_standings(room, found)
            self._tell(room, found)
        if room.needs_list or room.parted or any(peer.is_present for peer in room.newcomers.values()):
            self.schedule(room)

    def _update_standings(self, room: LiveRoom, found: Presence) -> None:
        """Note what each peer may do now. Who must wait in the lobby leaves the others, and comes back from it."""
        room.polling.clear()
        for session, attendee in found.sessions:
            peer = self._signaling.registry.find_by_session(session.session_id)
            if peer is None or peer.room is not room:
                room.polling[session.session_id] = session.in_call
                continue
            was_present = peer.is_present
            peer.standing, peer.in_call = Standing(Participant(found.room, attendee, session)), session.in_call
            peer.display_name = attendee.display_name or peer.display_name
            if self._signaling.sfu is not None:
                self._signaling.sfu.review(peer)
            if peer.is_present and not was_present:
                transient.send_initial(room, peer)
            if was_present and not peer.is_present:
                if room.newcomers.pop(peer.id, None) is None:
                    room.parted.append(peer.id)
                room.newcomers[peer.id] = peer

    def _tell(self, room: LiveRoom, found: Presence) -> None:
        """Send the list of sessions to all peers if it has changed."""
        entries = {
            session.session_id: self._entry(found.room, session, attendee) for session, attendee in found.sessions
        }
        internal = [peer for peer in room.members.values() if peer.is_internal and not peer.session_id]
        entries |= {peer.id: _internal_entry(peer) for peer in internal}
        sent, room.list_sent = room.list_sent, {key: _what_matters(entry) for key, entry in entries.items()}
        is_first = not sent and not any(entry["inCall"] for entry in entries.values())
        if is_first or sent == room.list_sent:
            return
        changed = {key for key in entries if sent.get(key) != room.list_sent[key]}
        groups: defaultdict[tuple[str, ...], list[Peer]] = defaultdict(list)
        for peer in room.list_present():
            groups[tuple(bridge.name_for(peer, session_id) for session_id in room.polling)].append(peer)
        for names, peers in groups.items():
            for session_id, name in zip(room.polling, names, strict=True):
                entries[session_id]["sessionId"] = name
            content = {
                "roomid": room.token,
                "changed": [entry for key, entry in entries.items() if key in changed],
                "users": list(entries.values()),
            }
            send_to(peers, messages.event("participants", "update", content))

    def _entry(self, room: Room, session: Session, attendee: Attendee) -> dict[str, Any]:
        peer = self._signaling.registry.find_by_session(session.session_id)
        entry = {
            "sessionId": peer.id if peer is not None else "",  # each peer has its own name for a polling session
            "nextcloudSessionId": session.session_id,
            "inCall": session.in_call,
            "lastPing": clock.date_of(session.last_ping),
            "participantType": attendee.type,
            "participantPermissions": Participant(room, attendee).permissions,
            "displayName": attendee.display_name,
            "actorType": attendee.actor_type,
            "actorId": attendee.actor_id,
        }
        if attendee.actor_type == USERS:
            entry["userId"] = attendee.actor_id
        if peer is not None and peer.owner is not None:
            entry["virtual"] = True
        return entry


def _internal_entry(peer: Peer) -> dict[str, Any]:
    """Return the entry of a recording server or the like, or of somebody whom a telephone bridge has brought."""
    entry: dict[str, Any] = {"sessionId": peer.id, "inCall": peer.in_call}
    if peer.owner is None:
        return {**entry, "internal": True}
    return {**entry, "virtual": True, "displayName": peer.display_name}


def _what_matters(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of an entry of the list whose change is announced: all but the last ping."""
    return tuple(value for key, value in entry.items() if key != "lastPing")


def send_to(peers: list[Peer], message: bytes) -> None:
    """Send one message to several peers."""
    if peers:
        frame = frame_of(message)
        for peer in peers:
            peer.send_frame(frame)


def _joins(newcomers: list[Peer]) -> bytes:
    return messages.event("room", "join", [_newcomer(peer) for peer in newcomers])


def _newcomer(peer: Peer) -> dict[str, Any]:
    entry: dict[str, Any] = {"sessionid": peer.id, "userid": peer.user_id or ""}
    if peer.display_name:
        entry["user"] = {"displayname": peer.display_name}
    if peer.features:
        entry["features"] = sorted(peer.features)
    entry["roomsessionid"] = peer.session_id
    return entry
