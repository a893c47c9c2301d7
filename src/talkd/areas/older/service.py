"""Remove, promote and demote participants by user id or session id, with the rules of API v1, v2 and v3."""

from talkd.areas.participants import attendee_service as attendees
from talkd.areas.rooms import service as rooms
from talkd.conversation.participant import Attendee, Participant
from talkd.core.constants import ParticipantType
from talkd.core.errors import Forbidden, PreconditionFailed
from talkd.storage.database import Tx


async def remove_user(tx: Tx, me: Participant, user_id: str) -> None:
    """Remove a user.

    Raises NotFound, and Forbidden for an owner, also if they are the caller (docs/api/api-v1-2018.md). Both users of a
    one-to-one room are owners.
    """
    attendee = await attendees.access_user(tx, me, user_id)
    if attendee.type == ParticipantType.OWNER:
        raise Forbidden("owner")
    await rooms.remove_attendee(tx, me, attendee.id)


async def remove_guest(tx: Tx, me: Participant, session_id: str) -> None:
    """Remove a guest. Raises NotFound, and Forbidden if the session is not a guest's."""
    attendee = await attendees.access_joined(tx, me, session_id)
    if not attendee.is_guest:
        raise Forbidden
    await rooms.remove_attendee(tx, me, attendee.id)


async def promote(tx: Tx, me: Participant, user_id: str, session_id: str) -> None:
    """Make a user or guest a moderator.

    Raises NotFound, Forbidden for an owner, and PreconditionFailed for others who are not plain users or guests.
    """
    attendee = await _access(tx, me, user_id, session_id)
    if attendee.type == ParticipantType.OWNER:
        raise Forbidden
    if attendee.type not in (ParticipantType.USER, ParticipantType.GUEST):
        raise PreconditionFailed
    await attendees.promote(tx, me, attendee.id)


async def demote(tx: Tx, me: Participant, user_id: str, session_id: str) -> None:
    """Make a moderator a normal user or guest. Raises NotFound, and PreconditionFailed for owners and others."""
    attendee = await _access(tx, me, user_id, session_id)
    if attendee.type not in (ParticipantType.MODERATOR, ParticipantType.GUEST_MODERATOR):
        raise PreconditionFailed
    await attendees.demote(tx, me, attendee.id)


async def _access(tx: Tx, me: Participant, user_id: str, session_id: str) -> Attendee:
    """Return the attendee with this session or, without a session id, the user with this id. Raises NotFound."""
    if session_id:
        return await attendees.access_joined(tx, me, session_id)
    return await attendees.access_user(tx, me, user_id)
