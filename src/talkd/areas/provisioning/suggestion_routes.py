"""`core/autocomplete/get`: search for people and groups to invite."""

from typing import Any

import msgspec

from talkd.areas.provisioning import view
from talkd.areas.users import suggestion_service as suggestions
from talkd.core.actor import EMAILS, GROUPS, USERS
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Guard, Routes

routes = Routes("autocomplete", base="/core")

KINDS = {0: USERS, 1: GROUPS, 4: EMAILS}
"""Actor types by share type. Other share types (6 federated users, 7 teams) find nothing."""


class Wanted(msgspec.Struct):
    """What to search for. `itemId` is the token of a room, or `new`."""

    search: str
    itemType: str | None = None
    itemId: str | None = None
    shareTypes: list[int] = msgspec.field(default_factory=lambda: [0])
    limit: int = 10


@routes.add("GET", "autocomplete/get", Guard.USER, params=Wanted)
async def list_suggestions(tx: Tx, call: Call[Wanted]) -> Any:
    """Return accounts, groups and e-mail addresses to invite."""
    wanted = call.params
    found = await suggestions.suggest(
        tx,
        wanted.search,
        by=call.user_id,
        token=wanted.itemId or "",
        kinds={KINDS[number] for number in wanted.shareTypes if number in KINDS},
        limit=wanted.limit,
    )
    return [view.suggestion(each) for each in found]
