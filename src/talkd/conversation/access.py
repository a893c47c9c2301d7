"""Find the caller in a room, and the attendee whose id they send.

Functions named `access_*` take ids from clients, and return only what the caller may know of.
"""

from typing import Any

from talkd.conversation import attendee_store
from talkd.conversation.participant import Attendee, Participant
from talkd.core import ids
from talkd.core.errors import NotFound, UnknownRoom
from talkd.storage.database import Tx


async def access_participant(
    tx: Tx, token: str, *, user_id: str | None, browser: str, lock: bool = False
) -> Participant:
    """Return the caller as a participant of a room. Raises UnknownRoom if the room is unknown or they are not in it.

    `lock` locks the room and the attendee until the transaction ends. It does not lock a user's session, which may
    have ended or changed at the same moment: read it again where that matters.
    """
    if not ids.TOKEN_FORM.fullmatch(token):
        raise UnknownRoom
    found = None
    if user_id is not None:
        found = await attendee_store.find_user(tx, token, user_id, browser, lock=lock)
    elif browser:
        found = await attendee_store.find_guest(tx, token, browser, lock=lock)
    if found is None:
        raise UnknownRoom
    return found


async def access_attendee(tx: Tx, me: Participant, attendee_id: int, *, data: Any = None) -> Attendee:
    """Return another attendee of the room. Raises NotFound("participant") with `data` in its answer."""
    attendee = await attendee_store.get_attendee(tx, me.room.id, attendee_id)
    if attendee is None:
        raise NotFound("participant", data=data)
    return attendee
