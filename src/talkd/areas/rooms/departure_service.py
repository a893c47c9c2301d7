"""Removing a user from many rooms at once."""

from collections.abc import AsyncIterator, Callable

from talkd.areas.rooms import service
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Attendee
from talkd.conversation.room import Room
from talkd.core.actor import Actor
from talkd.core.constants import RoomType
from talkd.core.events import ReadOnlySet
from talkd.storage.database import Tx


async def list_rooms_of(tx: Tx, user_id: str) -> AsyncIterator[tuple[Attendee, Room]]:
    """Yield the rooms of a user, locked, with the user's attendee.

    The caller may remove the user from each. That also removes them from its breakout rooms, which are then skipped.
    """
    for attendee in await attendee_store.list_of_user(tx, user_id):
        if await attendee_store.get_attendee(tx, attendee.room_id, attendee.id) is not None:
            yield attendee, await access.lock_room(tx, attendee.room_id)


async def remove_from_rooms(
    tx: Tx, actor: Actor, user_id: str, name: str, *, is_affected: Callable[[Room], bool]
) -> None:
    """Remove a user from all rooms for which `is_affected` is true. A room is deleted with its last member.

    A one-to-one becomes a former one-to-one, also if the user has left it before: it is locked and called `name`.
    Nobody who gets the same user id later can open it again.
    """
    async for attendee, room in list_rooms_of(tx, user_id):
        if is_affected(room):
            await service.remove_user(tx, room, actor, attendee)
    for room in await room_store.list_pairs_of(tx, user_id):
        if is_affected(room):
            await room_store.end_pair(tx, room.id, RoomType.ONE_TO_ONE_FORMER, name)
            await tx.emit(ReadOnlySet(room.id, actor, True))
