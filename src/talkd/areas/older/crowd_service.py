"""The people of rooms, whom API v1 lists with each room."""

from talkd.areas.older import crowd_store
from talkd.areas.older.crowd_model import Crowd
from talkd.core import clock
from talkd.core.constants import SESSION_KILL
from talkd.storage.database import Tx


async def list_crowds(tx: Tx, user_id: str) -> dict[int, Crowd]:
    """The people of all rooms of a user by the rooms' ids, in one statement."""
    return await crowd_store.list_crowds(tx, user_id, clock.steady() - SESSION_KILL)


async def get_crowd(tx: Tx, room_id: int, attendee_id: int) -> Crowd:
    """The people of a room; nobody unless that attendee is one of them."""
    return await crowd_store.get_crowd(tx, room_id, attendee_id, clock.steady() - SESSION_KILL)
