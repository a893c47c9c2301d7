"""`chat/{token}/mentions`: whom a message can name."""

import msgspec

from talkd.areas.mentions import service, view
from talkd.areas.participants import service as participants
from talkd.core.actor import USERS
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Guard, Routes

routes = Routes("chat")


class Wanted(msgspec.Struct, frozen=True):
    """What was typed behind the @. `limit` changes nothing, as on the real server: who fits is suggested."""

    search: str
    limit: int = 20
    includeStatus: bool = False


@routes.add(
    "GET",
    "chat/{token}/mentions",
    Guard.NO_LOGIN,
    Guard.PARTICIPANT,
    Guard.READ_WRITE,
    Guard.LOBBY_OPEN,
    Guard.MAY_CHAT,
    versions=("v1",),
    params=Wanted,
    returns=list[view.SuggestionView],
)
async def list_suggestions(tx: Tx, call: Call[Wanted]) -> list[view.SuggestionView]:
    """Whom a message can name."""
    wanted, me = call.params, call.me
    found = await service.suggest(tx, me, wanted.search)
    online = None
    if wanted.includeStatus:
        online = await participants.list_online(tx, [each.actor_id for each in found if each.actor_type == USERS])
    shown = [view.suggestion(each, online) for each in found]
    people = await service.count_everybody(tx, me, wanted.search)
    if people:
        shown.append(view.everybody(me.room, people))
    return shown
