"""What happens in a conversation happens in its breakout rooms too. Inside the transaction."""

from typing import Any

from talkd.areas.breakout import service as breakout
from talkd.areas.breakout.model import Mode
from talkd.conversation import access, attendee_store
from talkd.conversation.room import Room
from talkd.core import events
from talkd.core.actor import USERS
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

_FOLLOWED = (
    events.ModeratorPromoted,
    events.ModeratorDemoted,
    events.PermissionsSet,
    events.DefaultPermissionsSet,
    events.RecordingConsentSet,
)
_COMINGS = (events.AttendeeAdded, events.AttendeeRemoved)


async def apply(tx: Tx, event: Any) -> None:
    """Roles, permissions and departures reach every part; with the conversation go its parts."""
    if isinstance(event, events.RoomDeleted):
        await breakout.delete_parts(tx, event.token, event.actor)
    elif isinstance(event, _FOLLOWED) or (isinstance(event, _COMINGS) and event.target.type == USERS):
        try:
            room = await access.lock_room(tx, event.room_id)
        except NotFound:
            return  # the room went in the same transaction
        if isinstance(event, events.AttendeeAdded):
            await breakout.follow_arrival(tx, room, event.actor, event.attendee_id)
        elif room.breakout_mode != Mode.NONE:
            await _follow(tx, room, event)


async def _follow(tx: Tx, parent: Room, event: Any) -> None:
    if isinstance(event, events.DefaultPermissionsSet):
        await breakout.follow_defaults(tx, parent, event.actor, event.permissions)
    elif isinstance(event, events.RecordingConsentSet):
        await breakout.follow_consent(tx, parent, event.recording_consent)
    elif isinstance(event, events.AttendeeRemoved | events.ModeratorDemoted):
        await breakout.follow_removal(tx, parent, event.actor, event.target)
    else:
        attendee = await attendee_store.get_attendee(tx, parent.id, event.attendee_id)
        if attendee is None or attendee.actor_type != USERS:
            return
        if isinstance(event, events.ModeratorPromoted):
            await breakout.follow_promotion(tx, parent, event.actor, attendee)
        else:
            await breakout.follow_permissions(tx, parent, event.actor, attendee)
