"""Whom the bridge means."""

from typing import Any

import msgspec

from talkd.conversation.participant import Attendee
from talkd.core.json import UNREADABLE


class Target(msgspec.Struct, frozen=True):
    """What the bridge knows of an attendee. What it does not know is empty."""

    attendeeId: int = 0
    actorType: str = ""
    actorId: str = ""

    def fits(self, attendee: Attendee) -> bool:
        """Return True if the attendee differs in nothing that the bridge knows."""
        return (
            self.attendeeId in (0, attendee.id)
            and self.actorType in ("", attendee.actor_type)
            and self.actorId in ("", attendee.actor_id)
        )


def read_target(options: Any) -> Target:
    """Return the target in options: an object or a JSON text. Of anything else, nothing is known."""
    try:
        known = msgspec.json.decode(options) if isinstance(options, str) else options
        return msgspec.convert(known, Target, strict=False)
    except UNREADABLE:
        return Target()
