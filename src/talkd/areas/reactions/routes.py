"""Operations of the reaction API."""

import msgspec

from talkd.areas.reactions import service, view
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import PAST_LOBBY, SPEAKING, Routes

routes = Routes("reaction")
V1 = ("v1",)
_PATH = "reaction/{token}/{messageId}"

ByEmoji = dict[str, list[view.ReactionView]]


class ReactParams(msgspec.Struct, frozen=True):
    """A message, and one emoji."""

    messageId: int
    reaction: str


class ListParams(msgspec.Struct, frozen=True):
    """A message. With an emoji, only the reactions with this emoji are listed."""

    messageId: int
    reaction: str | None = None


@routes.add("POST", _PATH, *SPEAKING, versions=V1, params=ReactParams, limit=Limit.GUEST_MESSAGES, returns=ByEmoji)
async def add_reaction(tx: Tx, call: Call[ReactParams]) -> Reply:
    """React to a message."""
    params = call.params
    (given, names), is_new = await service.react(tx, call.me, params.messageId, params.reaction)
    if not is_new:
        call.uncount()
    return Reply(view.reactions(given, names), 201 if is_new else 200)


@routes.add("DELETE", _PATH, *SPEAKING, versions=V1, params=ReactParams, returns=ByEmoji)
async def delete_reaction(tx: Tx, call: Call[ReactParams]) -> ByEmoji:
    """Revoke a reaction."""
    params = call.params
    given, names = await service.revoke(tx, call.me, params.messageId, params.reaction)
    return view.reactions(given, names)


@routes.add("GET", _PATH, *PAST_LOBBY, versions=V1, params=ListParams, returns=ByEmoji)
async def list_reactions(tx: Tx, call: Call[ListParams]) -> ByEmoji:
    """List the reactions to a message."""
    params = call.params
    given, names = await service.list_reactions(tx, call.me, params.messageId, params.reaction or None)
    return view.reactions(given, names)
