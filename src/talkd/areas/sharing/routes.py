"""Operations on shared things."""

import msgspec

from talkd.areas.chat.routes import headers, show_sent
from talkd.areas.messages import view as message_view
from talkd.areas.sharing import service
from talkd.areas.sharing.model import MAX_OVERVIEW_LIMIT
from talkd.core.constants import MAX_CHAT_LIMIT
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import PAST_LOBBY, SPEAKING, Routes

routes = Routes("chat")
V1 = ("v1",)


class ShareParams(msgspec.Struct, frozen=True):
    """A thing to share. `metaData` is a JSON object with its name and the other fields of its type."""

    objectType: str
    objectId: str
    metaData: str = ""
    actorDisplayName: str = ""
    referenceId: str = ""
    silent: bool = False


class ListParams(msgspec.Struct, frozen=True):
    """A kind of things, and where the page begins: before `lastKnownMessageId`, or with 0 at the newest."""

    objectType: str
    lastKnownMessageId: int = 0
    limit: int = 100


class OverviewParams(msgspec.Struct, frozen=True):
    """The number of things of each kind."""

    limit: int = 7


@routes.add(
    "POST",
    "chat/{token}/share",
    *SPEAKING,
    versions=V1,
    params=ShareParams,
    limit=Limit.GUEST_MESSAGES,
    returns=message_view.MessageView,
)
async def share(tx: Tx, call: Call[ShareParams]) -> Reply:
    """Share a location, a card or another thing."""
    params = call.params
    sent = await service.share(
        tx,
        call.me,
        params.objectType,
        params.objectId,
        params.metaData,
        home=call.world.config.server.public_url,
        reference_id=params.referenceId,
        silent=params.silent,
        guest_name=params.actorDisplayName,
    )
    if not sent.is_new:
        call.uncount()
    return show_sent(call, sent, 201)


@routes.add(
    "GET",
    "chat/{token}/share",
    *PAST_LOBBY,
    versions=V1,
    params=ListParams,
    returns=dict[str, message_view.MessageView],
)
async def list_shared(tx: Tx, call: Call[ListParams]) -> Reply:
    """List the shared things of one kind."""
    params, me = call.params, call.me
    limit = max(1, min(params.limit, MAX_CHAT_LIMIT))
    page = await service.list_shared(tx, me, params.objectType, known=params.lastKnownMessageId, limit=limit)
    if not page.messages:
        return Reply([])
    shown = reversed(message_view.messages(page, me.room, me.actor))  # JavaScript sorts numeric keys anyway
    return Reply({str(each.id): each for each in shown}, 200, headers(last_given=page.messages[-1].id))


@routes.add(
    "GET",
    "chat/{token}/share/overview",
    *PAST_LOBBY,
    versions=V1,
    params=OverviewParams,
    returns=dict[str, list[message_view.MessageView]],
)
async def get_overview(tx: Tx, call: Call[OverviewParams]) -> dict[str, list[message_view.MessageView]]:
    """Get the newest shared things of every kind."""
    limit = max(1, min(call.params.limit, MAX_OVERVIEW_LIMIT))
    page, ids = await service.get_overview(tx, call.me, limit)
    shown = {each.id: each for each in message_view.messages(page, call.me.room, call.me.actor)}
    return {kind: [shown[message_id] for message_id in found] for kind, found in ids.items()}
