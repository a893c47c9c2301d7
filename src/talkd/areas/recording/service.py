"""Recording calls. This release works with no recording server, so a recording never starts."""

from talkd.conversation.participant import Participant
from talkd.core.errors import Invalid

VIDEO, AUDIO = 1, 2


def start(me: Participant, status: int) -> None:
    """Refuse to record. Raises Invalid("status"), Invalid("call") if there is no call, otherwise Invalid("config")."""
    if status not in (VIDEO, AUDIO):
        raise Invalid("status")
    if not me.room.call_started_at:
        raise Invalid("call")
    raise Invalid("config")
