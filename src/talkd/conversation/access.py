"""Find the room, participant or attendee that a client names. Nothing else turns input into one of them."""

from typing import Any

from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant
from talkd.conversation.room import Room
from talkd.core import ids
from talkd.core.errors import NotFound, UnknownRoom
from talkd.storage.database import Tx


async def access_participant(
    tx: Tx, token: str, *, user_id: str | None, browser: str, hold: bool = False
) -> Participant:
    """The caller in a room. Raises UnknownRoom when there is no such room, or the caller is not in it.

    With `hold` the room and the attendee stay as they are seen until the transaction ends. The session of a user
    may have ended or changed in the same moment: look again where that matters.
    """
    if not ids.TOKEN_FORM.fullmatch(token):
        raise UnknownRoom
    found = None
    if user_id is not None:
        found = await attendee_store.find_user(tx, token, user_id, browser, hold=hold)
    elif browser:
        found = await attendee_store.find_visitor(tx, token, browser, hold=hold)
    if found is None:
        raise UnknownRoom
    return found


async def access_attendee(tx: Tx, me: Participant, attendee_id: int, *, data: Any = None) -> Attendee:
    """Another attendee of the same room. Raises NotFound("participant"), with the `data` that the operation tells."""
    attendee = await attendee_store.get_attendee(tx, me.room.id, attendee_id)
    if attendee is None:
        raise NotFound("participant", data=data)
    return attendee


async def lock_room(tx: Tx, room_id: int) -> Room:
    """The room, held until the transaction ends. Raises NotFound when it has just gone."""
    room = await room_store.lock_room(tx, room_id)
    if room is None:
        raise NotFound
    return room
