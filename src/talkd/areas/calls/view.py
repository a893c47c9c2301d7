"""Calls as JSON."""

import msgspec

from talkd.areas.participants.model import Attendee, Session
from talkd.areas.rooms.model import Room


class PeerView(msgspec.Struct, frozen=True):
    """A device in a call, on the wire."""

    actorType: str
    actorId: str
    displayName: str
    token: str
    lastPing: int
    sessionId: str


def peers(room: Room, present: list[tuple[Session, Attendee]]) -> list[PeerView]:
    """All devices in a call."""
    return [
        PeerView(
            attendee.actor_type, attendee.actor_id, attendee.display_name, room.token, session.last_ping,
            session.session_id,
        )
        for session, attendee in present
    ]
