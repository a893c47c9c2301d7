"""`chat/{token}/mentions`: suggestions for a mention."""

import msgspec

from talkd.areas.mentions import suggestion_service as suggestions
from talkd.areas.mentions import view
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import SPEAKING, Routes

routes = Routes("chat")


class SearchParams(msgspec.Struct, frozen=True):
    """What was typed after the @. `limit` is accepted and ignored (docs/api/compatibility.md)."""

    search: str
    limit: int = 20
    includeStatus: bool = False


@routes.add(
    "GET",
    "chat/{token}/mentions",
    *SPEAKING,
    versions=("v1",),
    params=SearchParams,
    returns=list[view.SuggestionView],
)
async def list_suggestions(tx: Tx, call: Call[SearchParams]) -> list[view.SuggestionView]:
    """List the attendees that a message can mention."""
    params, me = call.params, call.me
    found = await suggestions.suggest(tx, me, params.search, with_status=params.includeStatus)
    return view.suggestions(me.room, found)
