"""Making moderators, and taking moderation away."""

from talkd.conversation import access, attendee_store
from talkd.conversation.participant import Attendee, Participant
from talkd.core import clock
from talkd.core.actor import EMAILS, GUESTS, USERS
from talkd.core.constants import MODERATORS, ParticipantType
from talkd.core.errors import NULL, Forbidden, Invalid
from talkd.core.events import ModeratorDemoted, ModeratorPromoted
from talkd.storage.database import Tx

_PROMOTED = {
    ParticipantType.USER: ParticipantType.MODERATOR,
    ParticipantType.USER_SELF_JOINED: ParticipantType.MODERATOR,
    ParticipantType.GUEST: ParticipantType.GUEST_MODERATOR,
}
_DEMOTED = {
    ParticipantType.MODERATOR: ParticipantType.USER,
    ParticipantType.GUEST_MODERATOR: ParticipantType.GUEST,
}


async def promote(tx: Tx, me: Participant, attendee_id: int) -> None:
    """Make somebody a moderator. Raises NotFound, Forbidden for oneself, Invalid for who cannot be one."""
    attendee = await _access_for_role(tx, me, attendee_id)
    if attendee.actor_type not in (USERS, GUESTS, EMAILS) or attendee.type in MODERATORS:
        raise Invalid(data=NULL)
    await attendee_store.set_role(tx, me.room.id, attendee.id, _PROMOTED[ParticipantType(attendee.type)], clock.now())
    await tx.emit(ModeratorPromoted(me.room.id, me.actor, attendee.id, attendee.actor))


async def demote(tx: Tx, me: Participant, attendee_id: int) -> None:
    """Take moderation away. Raises NotFound, Forbidden for oneself, Invalid for owners and who has none."""
    attendee = await _access_for_role(tx, me, attendee_id)
    demoted = _DEMOTED.get(ParticipantType(attendee.type))
    if demoted is None:
        raise Invalid(data=NULL)
    await attendee_store.set_role(tx, me.room.id, attendee.id, demoted, clock.now())
    await tx.emit(ModeratorDemoted(me.room.id, me.actor, attendee.id, attendee.actor))


async def _access_for_role(tx: Tx, me: Participant, attendee_id: int) -> Attendee:
    attendee = await access.access_attendee(tx, me, attendee_id, data=NULL)
    if attendee.id == me.attendee.id:
        raise Forbidden(data=NULL)
    return attendee
