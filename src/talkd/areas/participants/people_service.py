"""Listing who belongs to conversations."""

from collections.abc import Sequence

from talkd.areas.participants import service
from talkd.conversation import attendee_store, session_store
from talkd.conversation.participant import Participant, People
from talkd.conversation.room import Room
from talkd.core.constants import ParticipantType
from talkd.core.errors import NULL, Forbidden
from talkd.storage.database import Tx

MAX_WITH_STATUS = 100
"""With this many people nobody's status is told."""


def require_may_list(me: Participant) -> None:
    """Raises Forbidden for guests, unless they moderate."""
    if me.attendee.type == ParticipantType.GUEST:
        raise Forbidden(data=NULL)


async def list_people(tx: Tx, me: Participant, rooms: Sequence[Room], *, with_status: bool) -> People:
    """Everybody in these rooms, of which the first says whose status is told. Raises Forbidden."""
    require_may_list(me)
    attendees = [await attendee_store.list_attendees(tx, room.id) for room in rooms]
    present = [await session_store.list_sessions(tx, room.id) for room in rooms]
    online = None
    if with_status and len(attendees[0]) < MAX_WITH_STATUS:
        online = await service.list_online(tx, [attendee.actor_id for attendee in attendees[0]])
    return People(list(zip(rooms, attendees, present, strict=True)), online)
