"""Finding whom to invite."""

from collections.abc import Collection

from talkd.areas.mail.address_model import is_address
from talkd.areas.settings import service as settings
from talkd.areas.users import service, suggestion_store
from talkd.areas.users.model import Suggestion
from talkd.core.actor import EMAILS, GROUPS, USERS
from talkd.storage.database import Tx

MAX_LIMIT = 200


async def suggest(tx: Tx, search: str, *, by: str, token: str, kinds: Collection[str], limit: int) -> list[Suggestion]:
    """Accounts, groups and an address to invite into the room of `token`, at most `limit` of each kind.

    Who is in the room is left out only when `by` is in it too: what is missing would tell strangers
    who its members are. `by` himself counts within the limit although he is left out (recording
    `autocomplete/people`). The settings of the app `core` may hide accounts and groups that `by` has no part in.
    """
    search = search.strip()
    limit = max(1, min(limit, MAX_LIMIT))
    room_id = await suggestion_store.get_room_id(tx, token, by)
    enumeration = await settings.get_enumeration(tx)
    found: list[Suggestion] = []
    if USERS in kinds:
        users = await suggestion_store.search_users(tx, search, room_id, limit, by, enumeration)
        found += [user for user in users if user.id != by]
    if GROUPS in kinds:
        found += await suggestion_store.search_groups(tx, search, room_id, limit, by, enumeration)
    if EMAILS in kinds and is_address(search) and not await service.list_accounts_by_email(tx, search):
        found.append(Suggestion(EMAILS, search, search))
    return found
