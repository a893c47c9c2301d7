"""What participants choose for themselves, which concerns nobody else."""

from talkd.conversation import attendee_store
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.constants import NotificationLevel
from talkd.core.errors import Invalid
from talkd.storage.database import Tx

_LEVELS = (NotificationLevel.ALWAYS, NotificationLevel.MENTION, NotificationLevel.NEVER)


async def set_flag(tx: Tx, me: Participant, field: str, is_set: bool) -> None:
    """Mark the room, or not any more, as one of: favorite, archived, important, sensitive."""
    await _set(tx, me, field, int(is_set))


async def set_notification_level(tx: Tx, me: Participant, level: int) -> None:
    """Which messages to hear of. Raises Invalid("level"): nobody goes back to having chosen nothing."""
    if level not in _LEVELS:
        raise Invalid("level")
    await _set(tx, me, "notification_level", level)


async def set_notification_calls(tx: Tx, me: Participant, level: int) -> None:
    """Whether to hear of calls: 1 or 0. Raises Invalid("level")."""
    if level not in (0, 1):
        raise Invalid("level")
    await _set(tx, me, "notification_calls", level)


async def _set(tx: Tx, me: Participant, field: str, value: int) -> None:
    await attendee_store.set_attendee(tx, me.room.id, me.attendee.id, field, value, clock.now())
