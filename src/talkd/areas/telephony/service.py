"""Find out who dials in to a room, and call telephones from it."""

from talkd.areas.participants import service as participants
from talkd.areas.sip.model import require_number
from talkd.areas.telephony.model import Target
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.core import clock, ids
from talkd.core.actor import PHONES
from talkd.core.constants import Permission
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.storage.database import Tx

WITHOUT_PIN = 2
"""The value of `sip_enabled` with which people may dial in without a PIN."""


# --- what the bridge asks -------------------------------------------------------------------
async def get_by_pin(tx: Tx, token: str, pin: str) -> Attendee:
    """Return the attendee whose PIN was dialled. Raises NotFound."""
    room = await _get_room(tx, token)
    attendee = await attendee_store.find_by_text(tx, room.id, "pin", pin) if room.sip_enabled else None
    if attendee is None:
        raise NotFound
    return attendee


async def add_caller(tx: Tx, token: str) -> Attendee:
    """Add somebody who dialled in without a PIN, as a guest. Raises NotFound, and Invalid if the room requires PINs."""
    room = await _get_room(tx, token)
    if room.sip_enabled != WITHOUT_PIN:
        raise Invalid
    attendee_id = await participants.add_guest(tx, room, ids.guest_id(ids.new_session_id()))
    return await _get_attendee(tx, room, attendee_id)


async def get_by_number(tx: Tx, token: str, number: str, target: Target) -> Attendee:
    """Return the attendee with a telephone number, which the bridge is calling.

    Raises Invalid if the number is not in international form or is not the one of `target`, and NotFound.
    """
    room = await _get_room(tx, token)
    try:
        number = require_number(number)
    except Invalid as error:
        raise Invalid("number") from error
    attendee = await attendee_store.find_by_text(tx, room.id, "phone_number", number)
    if attendee is None:
        raise NotFound
    if not target.fits(attendee):
        raise Invalid("options")
    return attendee


async def reject(tx: Tx, token: str, call_id: str, target: Target) -> None:
    """Forget the telephone call with this id, because nobody answered it. Raises NotFound, and Invalid("options")."""
    room = await _get_room(tx, token)
    attendee = await attendee_store.find_by_text(tx, room.id, "call_id", call_id)
    if attendee is None:
        raise NotFound
    if not target.fits(attendee):
        raise Invalid("options")
    await attendee_store.set_attendee(tx, room.id, attendee.id, "call_id", "", clock.now())


async def _get_room(tx: Tx, token: str) -> Room:
    room = await room_store.get_room(tx, token, lock=True)
    if room is None:
        raise NotFound
    return room


async def _get_attendee(tx: Tx, room: Room, attendee_id: int) -> Attendee:
    attendee = await attendee_store.get_attendee(tx, room.id, attendee_id)
    assert attendee is not None, "it was just added"
    return attendee


# --- calling a telephone --------------------------------------------------------------------
async def require_callable(tx: Tx, me: Participant, attendee_id: int) -> Attendee:
    """Return the telephone number among the attendees that a participant of the call may have called.

    Raises Forbidden without the permission to start calls, NotFound for an unknown attendee, and Invalid if the
    attendee is no telephone number or the caller is not in the call.
    """
    if not me.may(Permission.CALL_START):
        raise Forbidden
    target = await access.access_attendee(tx, me, attendee_id)
    if target.actor_type != PHONES:
        raise Invalid("participant")
    if not me.room.call_started_at or me.session is None or not me.session.in_call:
        raise Invalid("call")
    return target


async def note_call(tx: Tx, target: Attendee, call_id: str) -> None:
    """Note that the bridge is calling a telephone number."""
    await attendee_store.set_attendee(tx, target.room_id, target.id, "call_id", call_id, clock.now())
