"""What follows for uploaded pictures when an account or a room is deleted."""

from talkd.areas.avatars import picture_service as pictures
from talkd.areas.avatars.model import Owner
from talkd.core import events
from talkd.storage.database import Reactions, Tx


async def _remove_of_account(tx: Tx, event: events.UserDeleted) -> None:
    await pictures.remove_uploaded(tx, Owner.USER, event.user_id)


async def _remove_of_room(tx: Tx, event: events.RoomDeleted) -> None:
    await pictures.remove_uploaded(tx, Owner.ROOM, event.room_id)


REACTIONS: Reactions = {events.UserDeleted: _remove_of_account, events.RoomDeleted: _remove_of_room}
