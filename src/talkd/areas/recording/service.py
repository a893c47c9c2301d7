"""Recording calls. No recording server can be set up with this release, so no recording is ever going on."""

from talkd.conversation.participant import Participant
from talkd.core.errors import Invalid

VIDEO, AUDIO = 1, 2


def start(me: Participant, status: int) -> None:
    """Begin to record. Raises Invalid: "status", "call" when there is none, "config" because nothing records."""
    if status not in (VIDEO, AUDIO):
        raise Invalid("status")
    if not me.room.call_started_at:
        raise Invalid("call")
    raise Invalid("config")
