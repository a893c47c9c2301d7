"""Find out who dials in to a room, and call telephones from it."""

import msgspec

from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.settings import service as settings
from talkd.areas.sip import service as sip
from talkd.areas.sip.model import require_number
from talkd.areas.telephony.model import Target
from talkd.areas.users import service as users
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import WITHOUT_PIN, Room
from talkd.conversation.settings import TalkSettings
from talkd.core import clock, ids
from talkd.core.actor import PHONES, USERS, Actor
from talkd.core.constants import MAX_ROOM_NAME_LENGTH, Permission
from talkd.core.errors import NULL, Forbidden, Invalid, NotFound
from talkd.core.names import cleaned
from talkd.storage.database import Tx


# --- what the bridge asks -------------------------------------------------------------------
async def get_by_pin(tx: Tx, token: str, pin: str) -> Attendee:
    """Return the attendee whose PIN was dialled. Raises NotFound."""
    room = await _get_room(tx, token)
    attendee = await attendee_store.find_by_text(tx, room.id, "pin", pin) if room.sip_enabled else None
    if attendee is None:
        raise NotFound(data=NULL)
    return attendee


async def add_caller(tx: Tx, token: str) -> Attendee:
    """Add somebody who dialled in without a PIN, as a guest. Raises NotFound, and Invalid if the room requires PINs."""
    room = await _get_room(tx, token)
    if room.sip_enabled != WITHOUT_PIN:
        raise Invalid(data=NULL)
    return await _add_guest(tx, room)


async def open_room(tx: Tx, number: str, caller: str, talk_settings: TalkSettings) -> Attendee:
    """Open a room for a telephone call to the number of an account. Return the caller, who is a guest there.

    Raises NotFound if no account has the number, or if the account may not use Talk.
    """
    try:
        user_id = (await sip.find_number(tx, number)).user_id
    except NotFound as error:
        raise NotFound(data=NULL) from error
    account = await users.find_enabled(tx, user_id)
    if account is None or not await users.may_use_talk(tx, talk_settings, account.id):
        raise NotFound(data=NULL)
    name = cleaned(caller)[:MAX_ROOM_NAME_LENGTH]
    room = await creation.create_for_caller(tx, Actor(USERS, account.id, account.display_name), name)
    return await _add_guest(tx, room, name)


async def get_by_number(tx: Tx, token: str, number: str, target: Target) -> Attendee:
    """Return the attendee with a telephone number, which the bridge is calling.

    Raises Invalid if the number is not in international form or is not the one of `target`, and NotFound.
    """
    room = await _get_room(tx, token)
    try:
        number = require_number(number)
    except Invalid as error:
        raise Invalid(data=NULL) from error
    attendee = await attendee_store.find_by_text(tx, room.id, "phone_number", number)
    if attendee is None:
        raise NotFound(data=NULL)
    if not target.fits(attendee):
        raise Invalid(data=NULL)
    return attendee


async def reject(tx: Tx, token: str, call_id: str, target: Target) -> None:
    """Forget the telephone call to an attendee, because nobody answered it.

    Raises Invalid if the target does not name the attendee or is not who is called by this id, and NotFound.
    """
    room = await _get_room(tx, token)
    if not target.attendeeId:
        raise Invalid(data=NULL)
    attendee = await attendee_store.get_attendee(tx, room.id, target.attendeeId)
    if attendee is None:
        raise NotFound(data=NULL)
    if not call_id or attendee.call_id != call_id or not target.fits(attendee):
        raise Invalid(data=NULL)
    await attendee_store.set_attendee(tx, room.id, attendee.id, "call_id", "", clock.now())


async def _get_room(tx: Tx, token: str) -> Room:
    room = await room_store.get_room(tx, token, lock=True)
    if room is None:
        raise NotFound(data=NULL)
    return room


async def _add_guest(tx: Tx, room: Room, name: str = "") -> Attendee:
    attendee_id = await participants.add_guest(tx, room, ids.guest_id(ids.new_session_id()), name)
    attendee = await attendee_store.get_attendee(tx, room.id, attendee_id)
    assert attendee is not None, "it was just added"
    return attendee


# --- calling a telephone --------------------------------------------------------------------
async def require_callable(tx: Tx, me: Participant, attendee_id: int) -> Attendee:
    """Return the telephone number among the attendees that a participant of the call may have called.

    Raises Forbidden without the permission to start calls, NotFound if the attendee is unknown or is no telephone
    number, and Invalid if the caller is not in the call.
    """
    if not me.may(Permission.CALL_START):
        raise Forbidden
    target = await access.access_attendee(tx, me, attendee_id, data=NULL)
    if target.actor_type != PHONES:
        raise NotFound(data=NULL)
    if not me.room.call_started_at or me.session is None or not me.session.in_call:
        raise Invalid(data=NULL)
    return target


async def note_call(tx: Tx, target: Attendee, call_id: str) -> None:
    """Note that the bridge is calling a telephone number."""
    await attendee_store.set_attendee(tx, target.room_id, target.id, "call_id", call_id, clock.now())


# --- administrators -------------------------------------------------------------------------
async def set_up(tx: Tx, *, groups: list[str], dial_in_info: str, secret: str) -> None:
    """Set which groups may use the bridge, how people dial in, and the secret. What is empty is reset."""
    for key, value in (
        ("sip_bridge_groups", msgspec.json.encode(groups).decode() if groups else ""),
        ("sip_bridge_dialin_info", dial_in_info),
        ("sip_bridge_shared_secret", secret),
    ):
        if value:
            await settings.set_value(tx, key, value)
        else:
            await settings.delete_value(tx, key)
