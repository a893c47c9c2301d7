"""Change the settings of a room.

All functions raise Invalid with a reason of the API. Functions that emit an event do nothing if the setting already has
the value.
"""

import msgspec

from talkd.areas.participants import service as participants
from talkd.areas.sip import service as sip
from talkd.conversation import attendee_store, room_store
from talkd.conversation.room import Room, require_description, require_name
from talkd.conversation.settings import CONSENT_BY_ROOM, TalkSettings
from talkd.core.actor import Actor
from talkd.core.constants import MAX_EXPIRATION, Listable, ReadOnly, RoomType
from talkd.core.errors import Forbidden, Invalid, PreconditionFailed
from talkd.core.events import (
    DescriptionSet,
    DialInSet,
    GuestsAllowed,
    GuestsDisallowed,
    ListableSet,
    MentionPermissionsSet,
    MessageExpirationSet,
    PasswordSet,
    ReadOnlySet,
    RecordingConsentSet,
    RoomRenamed,
)
from talkd.storage.database import Tx


async def rename(tx: Tx, room: Room, actor: Actor, name: str) -> None:
    """Set the room's name."""
    name = require_name(name, "value")
    _require_own_text(room)
    if name == room.name:
        return
    await room_store.set_field(tx, room.id, "name", name)
    await tx.emit(RoomRenamed(room.id, actor, room.name, name))


async def set_description(tx: Tx, room: Room, actor: Actor, description: str) -> None:
    """Set the room's description."""
    description = require_description(description, "value")
    _require_own_text(room)
    if description == room.description:
        return
    await room_store.set_field(tx, room.id, "description", description)
    await tx.emit(DescriptionSet(room.id, actor, description))


def _require_own_text(room: Room) -> None:
    """Raises Invalid for rooms whose name and description come from elsewhere: one-to-ones and rooms of events."""
    if room.is_one_to_one:
        raise Invalid("type")
    if room.object_type == "event":
        raise Invalid("event")


def _require_no_breakout_room(room: Room) -> None:
    """Raises Invalid for a breakout room, which has the settings of its parent."""
    if room.is_breakout_room:
        raise Invalid("breakout-room")


# --- who may join ---------------------------------------------------------------------------
async def allow_guests(tx: Tx, room: Room, actor: Actor, password_hash: str = "") -> None:
    """Make a group room public, and set its password if one is given.

    Breakout rooms and their parent rooms cannot become public.
    """
    _require_no_breakout_room(room)
    if room.has_breakout_rooms:
        raise Invalid("breakout-room")
    if not room.is_shared:
        raise Invalid("type")
    if room.type == RoomType.GROUP:
        await room_store.set_field(tx, room.id, "type", RoomType.PUBLIC)
        await tx.emit(GuestsAllowed(room.id, actor))
    if password_hash:
        await set_password(tx, msgspec.structs.replace(room, type=RoomType.PUBLIC), actor, password_hash)


async def disallow_guests(tx: Tx, room: Room, actor: Actor) -> None:
    """Make a public room a group room: remove its password, and all guests and self-joined users."""
    if room.type == RoomType.GROUP:
        return
    if room.type != RoomType.PUBLIC:
        raise Invalid("type")
    await room_store.set_field(tx, room.id, "type", RoomType.GROUP)
    if room.password_hash:
        await room_store.set_field(tx, room.id, "password_hash", "")
    for attendee in await attendee_store.list_attendees(tx, room.id):
        if attendee.is_guest or attendee.is_self_joined:
            await participants.remove(tx, room, actor, attendee, quiet=True)
    await tx.emit(GuestsDisallowed(room.id, actor))


async def set_password(tx: Tx, room: Room, actor: Actor, password_hash: str) -> None:
    """Set the password of a public room, or remove it (""). A new password always counts as a change."""
    if room.type != RoomType.PUBLIC:
        raise Invalid("type")
    if not password_hash and not room.password_hash:
        return
    await room_store.set_field(tx, room.id, "password_hash", password_hash)
    await tx.emit(PasswordSet(room.id, actor, bool(password_hash)))


async def set_listable(tx: Tx, room: Room, actor: Actor, scope: int) -> None:
    """Set who finds the room by searching (`Listable`)."""
    _require_no_breakout_room(room)
    if not room.is_shared:
        raise Invalid("type")
    if scope not in tuple(Listable):
        raise Invalid("value")
    if scope == room.listable:
        return
    await room_store.set_field(tx, room.id, "listable", scope)
    await tx.emit(ListableSet(room.id, actor, scope))


# --- what happens inside --------------------------------------------------------------------
async def set_read_only(tx: Tx, room: Room, actor: Actor, state: int) -> None:
    """Lock the room or unlock it (`ReadOnly`)."""
    if not room.is_shared:
        raise Invalid("type")
    if state not in tuple(ReadOnly):
        raise Invalid("value")
    if state == room.read_only:
        return
    await room_store.set_field(tx, room.id, "read_only", state)
    await tx.emit(ReadOnlySet(room.id, actor, state == ReadOnly.READ_ONLY))


async def set_message_expiration(tx: Tx, room: Room, actor: Actor, seconds: int) -> None:
    """Let messages sent from now on expire after this many seconds; 0 for never."""
    _require_no_breakout_room(room)
    if room.type in (RoomType.ONE_TO_ONE_FORMER, RoomType.CHANGELOG):
        raise Invalid("type")
    if not 0 <= seconds <= MAX_EXPIRATION:
        raise Invalid("value")
    room = await room_store.lock_room(tx, room.id)
    if seconds == room.message_expiration:
        return
    await room_store.set_field(tx, room.id, "message_expiration", seconds)
    await tx.emit(MessageExpirationSet(room.id, actor, seconds))


async def set_mention_permissions(tx: Tx, room: Room, actor: Actor, value: int) -> None:
    """Let everybody (0) or only moderators (1) mention @all."""
    _require_no_breakout_room(room)
    if not room.is_shared:
        raise Invalid("type")
    if value not in (0, 1):
        raise Invalid("value")
    if value == room.mention_permissions:
        return
    await room_store.set_field(tx, room.id, "mention_permissions", value)
    await tx.emit(MentionPermissionsSet(room.id, actor, value))


async def set_recording_consent(tx: Tx, room: Room, actor: Actor, value: int, *, server_setting: int) -> None:
    """Ask for consent to recording (1) or not (0), in the room and in its breakout rooms.

    It cannot be switched on during a call. Raises PreconditionFailed("config") unless the server leaves the choice
    to rooms.
    """
    if server_setting != CONSENT_BY_ROOM:
        raise PreconditionFailed("config")
    _require_no_breakout_room(room)
    if value not in (0, 1):
        raise Invalid("value")
    room = await room_store.lock_room(tx, room.id)
    if value == room.recording_consent:
        return
    if value and room.call_started_at:
        raise Invalid("call")
    if room.breakout_status:
        raise Invalid("breakout-room")
    await room_store.set_field(tx, room.id, "recording_consent", value)
    await tx.emit(RecordingConsentSet(room.id, actor, value))


async def set_dial_in(tx: Tx, room: Room, actor: Actor, state: int, talk_settings: TalkSettings) -> None:
    """Let people dial in by telephone: not at all (0), with a PIN (1), or with and without one (2).

    Raises PreconditionFailed("config") if no bridge is set up, Forbidden("config") if the actor may not use it,
    Invalid("token") if the room's token cannot be typed on a telephone, and Invalid with the reason.
    """
    if not talk_settings.can_dial_in:
        raise PreconditionFailed("config")
    if not await sip.can_enable_dial_in(tx, talk_settings, actor.id):
        raise Forbidden("config")
    _require_no_breakout_room(room)
    if not room.is_shared:
        raise Invalid("type")
    if state not in (0, 1, 2):
        raise Invalid("value")
    if not room.token.isdecimal():
        raise Invalid("token")
    if state != room.sip_enabled:
        await room_store.set_field(tx, room.id, "sip_enabled", state)
        if state:
            await participants.add_pins(tx, room.id)
        await tx.emit(DialInSet(room.id, actor, state))
