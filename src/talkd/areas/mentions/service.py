"""Suggesting whom to mention."""

from talkd.areas.mentions import store
from talkd.areas.mentions.model import Suggestion, is_everybody
from talkd.areas.users import store as users
from talkd.conversation import attendee_store
from talkd.conversation.participant import Participant
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.core.search import searchable
from talkd.storage.database import Tx

MAX_SUGGESTIONS = 100


async def suggest(tx: Tx, me: Participant, search: str) -> list[Suggestion]:
    """Return who is in the room and is called like that, at most MAX_SUGGESTIONS; never the caller."""
    search = search.strip()
    if me.room.type == RoomType.ONE_TO_ONE:
        return await _suggest_partner(tx, me, search)
    return await store.search(tx, me.room.id, search, me.attendee.id, MAX_SUGGESTIONS)


async def _suggest_partner(tx: Tx, me: Participant, search: str) -> list[Suggestion]:
    """The other one of the two, also while he is not there: a message brings him back."""
    partner = me.room.partner_of(me.actor.id)
    name = (await users.get_names(tx, [partner])).get(partner)
    if name is None or all(searchable(search) not in searchable(each) for each in (name, partner)):
        return []
    return [Suggestion(USERS, partner, name)]


async def count_everybody(tx: Tx, me: Participant, search: str) -> int:
    """How many people `@all` would reach; 0 where it makes no sense, is not allowed or not searched for."""
    room = me.room
    if room.is_one_to_one or (room.mention_permissions and not me.is_moderator):
        return 0
    if not is_everybody(search.strip(), room.name):
        return 0
    people, _ = await attendee_store.count_people(tx, room.id)
    return people
