"""Finding messages and conversations of a user."""

from talkd.areas.messages import service as messages
from talkd.areas.search import store
from talkd.areas.search.model import Criteria, Found, Membership
from talkd.areas.users import service as users
from talkd.core import clock
from talkd.core.constants import RoomType
from talkd.core.search import searchable
from talkd.storage.database import Tx


async def find_messages(tx: Tx, user_id: str, criteria: Criteria, *, but: str = "") -> Found:
    """What was said in the user's rooms, apart from the one with token `but`.

    Sensitive conversations show nothing outside of themselves.
    """
    readable = [each for each in await store.list_memberships(tx, user_id) if _is_readable(each)]
    return await _find(
        tx,
        user_id,
        [each for each in readable if each.me.room.token != but and not each.me.attendee.sensitive],
        criteria,
    )


async def find_messages_in(tx: Tx, user_id: str, criteria: Criteria, token: str) -> Found | None:
    """What was said in one room; None when the user is not in there or must wait in the lobby."""
    for each in await store.list_memberships(tx, user_id):
        if each.me.room.token == token and _is_readable(each):
            return await _find(tx, user_id, [each], criteria)
    return None


async def find_rooms(tx: Tx, user_id: str, term: str) -> list[Membership]:
    """Return the user's rooms by that name, ordered by name without case and accents."""
    found = [
        each
        for each in await store.list_memberships(tx, user_id)
        if each.me.room.type != RoomType.CHANGELOG and each.is_called(term)
    ]
    return sorted(found, key=lambda each: (searchable(each.name), each.me.room.id))


def _is_readable(membership: Membership) -> bool:
    return membership.me.can_pass_lobby and membership.me.room.type != RoomType.CHANGELOG


async def _find(tx: Tx, user_id: str, memberships: list[Membership], criteria: Criteria) -> Found:
    rooms = {each.me.room.id: each for each in memberships}
    if criteria.person and await users.is_being_forgotten(tx, criteria.person):
        return Found([], rooms, {})
    newest_ids = {each.me.room.id: each.me.room.last_message_id for each in memberships}
    said = await store.list_messages(tx, newest_ids, criteria, now=clock.now()) if rooms else []
    if not said:
        return Found([], rooms, {})
    names = await messages.get_names(tx, said)
    # On PostgreSQL each statement sees its own moment: the user may have been removed from a room in between.
    among = {each.room_id for each in said}
    still = {each.me.room.id for each in await store.list_memberships(tx, user_id, among=among) if _is_readable(each)}
    return Found([each for each in said if each.room_id in still], rooms, names)
