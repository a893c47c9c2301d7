"""Suggestions while somebody types a mention."""

from talkd.areas.mentions import suggestion_store
from talkd.areas.mentions.model import Suggestion, Suggestions, is_everybody
from talkd.areas.participants import attendee_service as attendees
from talkd.areas.users import service as users
from talkd.conversation import attendee_store
from talkd.conversation.participant import Participant
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.core.search import searchable
from talkd.storage.database import Tx

MAX_SUGGESTIONS = 100


async def suggest(tx: Tx, me: Participant, search: str, *, with_status: bool) -> Suggestions:
    """Return the attendees other than the caller whose name or id matches the search. `@all` may match too."""
    search = search.strip()
    if me.room.type == RoomType.ONE_TO_ONE:
        items = await _suggest_partner(tx, me, search)
    else:
        items = await suggestion_store.search(tx, me.room.id, search, me.attendee.id, MAX_SUGGESTIONS)
    online = None
    if with_status:
        online = await attendees.list_online(tx, [each.actor_id for each in items if each.actor_type == USERS])
    return Suggestions(items, online, await _count_everybody(tx, me, search))


async def _suggest_partner(tx: Tx, me: Participant, search: str) -> list[Suggestion]:
    """Suggest the other user of a one-to-one room, even if they left it: the next message adds them again."""
    partner = me.room.partner_of(me.actor.id)
    name = (await users.get_names(tx, [partner])).get(partner)
    if name is None or all(searchable(search) not in searchable(each) for each in (name, partner)):
        return []
    return [Suggestion(USERS, partner, name)]


async def _count_everybody(tx: Tx, me: Participant, search: str) -> int:
    """Return how many users `@all` would reach; 0 if it is not to be suggested.

    It is suggested if the search matches it and the caller may use it, but not in one-to-one rooms.
    """
    room = me.room
    if room.is_one_to_one or not me.can_mention_everybody or not is_everybody(search, room.name):
        return 0
    return (await attendee_store.count_users(tx, room.id)).users
