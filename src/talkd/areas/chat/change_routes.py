"""Operations on a message: edit, delete, and get its context."""

from typing import Any

import msgspec

from talkd.areas.chat import change_service, service
from talkd.areas.chat.routes import headers, page_size, show_sent
from talkd.areas.messages import view as message_view
from talkd.core.constants import MAX_CONTEXT_LIMIT
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import PAST_LOBBY, Guard, Routes

routes = Routes("chat")
V1 = ("v1",)


class MessageParams(msgspec.Struct, frozen=True):
    """A message of the room."""

    messageId: int


class EditParams(msgspec.Struct, frozen=True):
    """A message of the room, and its new text."""

    messageId: int
    message: str


class ContextParams(msgspec.Struct, frozen=True):
    """A message of the room, and how many messages to get before and after it."""

    messageId: int
    limit: int = 50


_AUTHOR = (Guard.NO_LOGIN, Guard.IDENTIFIED, Guard.READ_WRITE, Guard.PAST_LOBBY, Guard.MAY_CHAT)


@routes.add(
    "PUT", "chat/{token}/{messageId}", *_AUTHOR, versions=V1, params=EditParams, returns=message_view.MessageView
)
async def edit(tx: Tx, call: Call[EditParams]) -> Reply:
    """Change the text of a message."""
    return show_sent(call, await change_service.edit(tx, call.me, call.params.messageId, call.params.message))


@routes.add(
    "DELETE", "chat/{token}/{messageId}", *_AUTHOR, versions=V1, params=MessageParams, returns=message_view.MessageView
)
async def delete(tx: Tx, call: Call[MessageParams]) -> Reply:
    """Delete a message."""
    return show_sent(call, await change_service.delete(tx, call.me, call.params.messageId))


@routes.add(
    "DELETE",
    "chat/{token}",
    Guard.USER,
    Guard.MODERATOR,
    Guard.READ_WRITE,
    versions=V1,
    returns=message_view.MessageView,
)
async def clear_history(tx: Tx, call: Call[Any]) -> Reply:
    """Delete all messages."""
    one_to_one_too = call.world.talk_settings.can_delete_one_to_one
    return show_sent(call, await change_service.clear_history(tx, call.me, one_to_one_too=one_to_one_too))


@routes.add(
    "GET",
    "chat/{token}/{messageId}/context",
    *PAST_LOBBY,
    versions=V1,
    params=ContextParams,
    returns=list[message_view.MessageView],
)
async def get_context(tx: Tx, call: Call[ContextParams]) -> Reply:
    """Get a message with the messages before and after it, oldest first."""
    params, me = call.params, call.me
    limit = page_size(params.limit, MAX_CONTEXT_LIMIT)
    page, common = await service.get_context(tx, me, params.messageId, limit)
    if not page.messages:
        return Reply(None, 304)
    return Reply(message_view.messages(page, me.room, me.actor), 200, headers(common, page.messages[-1].id))
