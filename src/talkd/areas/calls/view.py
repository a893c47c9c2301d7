"""Calls as JSON."""

import csv
import io

import msgspec

from talkd.areas.participants.model import Attendee, Session
from talkd.areas.rooms.model import Room
from talkd.core import clock


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
            attendee.actor_type,
            attendee.actor_id,
            attendee.display_name,
            room.token,
            clock.date_of(session.last_ping),
            session.session_id,
        )
        for session, attendee in present
    ]


def attendance(present: list[tuple[Attendee, str]]) -> bytes:
    """A CSV of everybody. Cells that a spreadsheet would run as a formula get a quote before them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "email", "type", "identifier"])
    for attendee, email in present:
        cells = [attendee.display_name, email, attendee.actor_type, attendee.actor_id]
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])
    return out.getvalue().encode()
