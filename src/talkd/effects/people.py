"""What changes in rooms when accounts change. Inside the transaction."""

from typing import Any

from talkd.areas.chat import store as chat
from talkd.areas.participants import service as participants
from talkd.areas.participants import store as attendees
from talkd.areas.rooms import service as rooms
from talkd.areas.rooms import store as room_store
from talkd.core import clock, events
from talkd.core.actor import SYSTEM, USERS
from talkd.core.constants import RoomType
from talkd.storage.database import Tx


async def apply(tx: Tx, event: Any) -> None:
    """Follow new names and gone accounts into the rooms they are in."""
    if isinstance(event, events.UserRenamed):
        await attendees.rename_user(tx, event.user_id, event.name, clock.now())
    elif isinstance(event, events.UserDeleted):
        await _leave_everything(tx, event.user_id)


async def _leave_everything(tx: Tx, user_id: str) -> None:
    """Nothing of a gone account may come to whoever gets the same name later (reliability.md, S4)."""
    for attendee in await attendees.list_of_user(tx, user_id):
        room = await participants.lock_room(tx, attendee.room_id)
        people, _ = await attendees.count_people(tx, room.id)
        if people == 1:
            await rooms.remove(tx, room, SYSTEM)
        else:
            await participants.remove(tx, room, SYSTEM, attendee, quiet=True)
    for room in await room_store.list_pairs_of(tx, user_id):
        names = await chat.get_names(tx, {(USERS, user_id)})
        await room_store.end_pair(tx, room.id, RoomType.ONE_TO_ONE_FORMER, names.get((USERS, user_id), user_id))
    await chat.forget_author(tx, user_id)
