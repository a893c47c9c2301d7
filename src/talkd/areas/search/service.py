"""Find messages and rooms of a user."""

import msgspec

from talkd.areas.messages import service as messages
from talkd.areas.search import store
from talkd.areas.search.model import Criteria, Found, Membership
from talkd.areas.users import service as users
from talkd.conversation import message_store
from talkd.conversation.message import Message
from talkd.core import clock
from talkd.core.constants import RoomType
from talkd.core.search import searchable
from talkd.storage.database import Tx


async def find_messages(tx: Tx, user_id: str, criteria: Criteria, *, except_token: str = "") -> Found:
    """Find messages in all rooms of a user, except the room with `except_token` and sensitive rooms."""
    readable = [each for each in await store.list_memberships(tx, user_id) if _is_readable(each)]
    return await _find(
        tx,
        user_id,
        [each for each in readable if each.me.room.token != except_token and not each.me.attendee.sensitive],
        criteria,
    )


async def find_messages_in(tx: Tx, user_id: str, criteria: Criteria, token: str) -> Found | None:
    """Find messages in one room. Return None if the user is not in it, or waits in its lobby."""
    for each in await store.list_memberships(tx, user_id):
        if each.me.room.token == token and _is_readable(each):
            return await _find(tx, user_id, [each], criteria)
    return None


async def is_current(tx: Tx, user_id: str, found: Found) -> bool:
    """Return True if the user may still read the messages that a replica has found, and they are the same."""
    by_room: dict[int, list[int]] = {}
    for each in found.messages:
        by_room.setdefault(each.room_id, []).append(each.id)
    memberships = await store.list_memberships(tx, user_id, among=by_room) if by_room else []
    if {each.me.room.id for each in memberships if _is_readable(each)} != by_room.keys():
        return False
    now: dict[int, Message] = {}
    for room_id, message_ids in by_room.items():
        now |= await message_store.list_messages(tx, room_id, message_ids, clock.now())
    return [now.get(each.id) for each in found.messages] == found.messages


async def find_rooms(tx: Tx, user_id: str, term: str) -> list[Membership]:
    """Return the user's rooms that match the term, sorted by name without case and accents."""
    found = [
        each
        for each in await store.list_memberships(tx, user_id)
        if each.me.room.type != RoomType.CHANGELOG and each.matches(term)
    ]
    return sorted(found, key=lambda each: (searchable(each.name), each.me.room.id))


def _is_readable(membership: Membership) -> bool:
    return membership.me.can_pass_lobby and membership.me.room.type != RoomType.CHANGELOG


async def _find(tx: Tx, user_id: str, memberships: list[Membership], criteria: Criteria) -> Found:
    rooms = {each.me.room.id: each for each in memberships}
    if criteria.person:
        if await users.is_being_forgotten(tx, criteria.person):
            return Found([], rooms, {})
        criteria = msgspec.structs.replace(criteria, person=await users.resolve_id(tx, criteria.person))
    newest_ids = {each.me.room.id: each.me.room.last_message_id for each in memberships}
    found = await store.list_messages(tx, newest_ids, criteria, now=clock.now()) if rooms else []
    if not found:
        return Found([], rooms, {})
    names = await messages.get_names(tx, found)
    # On PostgreSQL each statement has its own snapshot: the user may have been removed from a room in between.
    among = {each.room_id for each in found}
    still_readable = {
        each.me.room.id for each in await store.list_memberships(tx, user_id, among=among) if _is_readable(each)
    }
    return Found([each for each in found if each.room_id in still_readable], rooms, names)
