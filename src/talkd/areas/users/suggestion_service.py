"""Search for accounts, groups and e-mail addresses to invite."""

from collections.abc import Collection

from talkd.areas.mail.address_model import is_address
from talkd.areas.settings import service as settings
from talkd.areas.users import service, suggestion_store
from talkd.areas.users.model import Suggestion
from talkd.core.actor import EMAILS, GROUPS, USERS
from talkd.storage.database import Tx

MAX_LIMIT = 200


async def suggest(tx: Tx, search: str, *, by: str, token: str, kinds: Collection[str], limit: int) -> list[Suggestion]:
    """Return accounts, groups and an e-mail address to invite to the room of `token`, up to `limit` of each kind.

    `by` is the caller. Attendees of the room are left out only if the caller is one of them: otherwise the gaps would
    reveal who is in the room. The caller is left out after the limit was applied (docs/api/compatibility.md). The
    settings of the app `core` may hide accounts and groups outside of the caller's own groups.
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
