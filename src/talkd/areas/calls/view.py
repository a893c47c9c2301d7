"""Calls as JSON."""

import csv
import io

import msgspec

from talkd.conversation.participant import Attendee, Session
from talkd.conversation.room import Room
from talkd.core import clock


class PeerView(msgspec.Struct, frozen=True):
    """A device in a call."""

    actorType: str
    actorId: str
    displayName: str
    token: str
    lastPing: int
    sessionId: str


def peers(room: Room, present: list[tuple[Session, Attendee]]) -> list[PeerView]:
    """Show the devices in a call."""
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


_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""Characters that begin a formula in spreadsheets, also as full-width forms."""


def attendance(present: list[tuple[Attendee, str]]) -> bytes:
    """Return a CSV of the attendees. A cell that a spreadsheet would run as a formula gets an apostrophe before it.

    Every cell is quoted, because some spreadsheets separate by semicolons, which a name may contain.
    """
    out = io.StringIO()
    out.write("name,email,type,identifier\n")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for attendee, email in present:
        cells = [attendee.display_name, email, attendee.actor_type, attendee.actor_id]
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue().encode()
