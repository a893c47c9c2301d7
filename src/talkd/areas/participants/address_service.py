"""Who is meant: by user id, or by the session of a device."""

from talkd.areas.users import service as users
from talkd.conversation import attendee_store, session_store
from talkd.conversation.participant import Attendee, Participant
from talkd.core.actor import USERS
from talkd.core.errors import NotFound
from talkd.storage.database import Tx


async def access_user(tx: Tx, me: Participant, user_id: str) -> Attendee:
    """Return the user in the same room, by their id in any case. Raises NotFound("participant")."""
    attendee = await attendee_store.find_attendee(tx, me.room.id, USERS, await users.resolve_id(tx, user_id))
    if attendee is None:
        raise NotFound("participant")
    return attendee


async def access_joined(tx: Tx, me: Participant, session_id: str) -> Attendee:
    """Whoever has opened the same room with that session. Raises NotFound("participant")."""
    found = await session_store.find_session(tx, session_id)
    if found is None or found[1].room_id != me.room.id:
        raise NotFound("participant")
    return found[1]
