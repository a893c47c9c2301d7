"""`core/autocomplete/get`: whom to invite."""

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
"""Share types to actor types; what talkd does not have (6 federated, 7 circles) finds nothing."""


class Wanted(msgspec.Struct):
    """Whom to look for. `itemId` is a room's token or `new`."""

    search: str
    itemType: str | None = None
    itemId: str | None = None
    shareTypes: list[int] = msgspec.field(default_factory=lambda: [0])
    limit: int = 10


@routes.add("GET", "autocomplete/get", Guard.USER, params=Wanted)
async def list_suggestions(tx: Tx, call: Call[Wanted]) -> Any:
    """Accounts, groups and addresses that can be invited."""
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
