"""Rules of a conversation: how long messages last, who may mention everybody, consent to recording."""

from talkd.conversation import access, room_store
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import CONSENT_BY_ROOM
from talkd.core.constants import MAX_EXPIRATION, RoomType
from talkd.core.errors import Invalid, PreconditionFailed
from talkd.core.events import MessageExpirationSet, RecordingConsentSet
from talkd.storage.database import Tx


async def set_message_expiration(tx: Tx, me: Participant, seconds: int) -> None:
    """What is said from now on vanishes after so many seconds; 0 for never. Raises Invalid with the reason."""
    _require_own_rules(me.room)
    if me.room.type in (RoomType.ONE_TO_ONE_FORMER, RoomType.CHANGELOG):
        raise Invalid("type")
    if not 0 <= seconds <= MAX_EXPIRATION:
        raise Invalid("value")
    room = await access.lock_room(tx, me.room.id)
    if seconds == room.message_expiration:
        return
    await room_store.set_field(tx, room.id, "message_expiration", seconds)
    await tx.emit(MessageExpirationSet(room.id, me.actor, seconds))


async def set_mention_permissions(tx: Tx, me: Participant, value: int) -> None:
    """Let everybody (0) or only moderators (1) mention all at once. Raises Invalid with the reason."""
    _require_own_rules(me.room)
    if not me.room.is_shared:
        raise Invalid("type")
    if value not in (0, 1):
        raise Invalid("value")
    await room_store.set_field(tx, me.room.id, "mention_permissions", value)


async def set_recording_consent(tx: Tx, me: Participant, value: int, *, server_setting: int) -> None:
    """Ask everybody for consent to being recorded, in the breakout rooms too, or stop asking.

    Asking cannot begin during a call. Raises PreconditionFailed("config") unless the server leaves it to rooms,
    and Invalid with the reason.
    """
    if server_setting != CONSENT_BY_ROOM:
        raise PreconditionFailed("config")
    _require_own_rules(me.room)
    if value not in (0, 1):
        raise Invalid("value")
    room = await access.lock_room(tx, me.room.id)
    if value == room.recording_consent:
        return
    if value and room.call_started_at:
        raise Invalid("call")
    if room.breakout_status:
        raise Invalid("breakout-room")
    await room_store.set_field(tx, room.id, "recording_consent", value)
    await tx.emit(RecordingConsentSet(room.id, me.actor, value))


def _require_own_rules(room: Room) -> None:
    if room.is_breakout_room:
        raise Invalid("breakout-room")
