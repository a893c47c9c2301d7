"""Operations of reminders."""

from typing import Any

import msgspec

from talkd.areas.reminders import service, view
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import USER_PAST_LOBBY, Guard, Routes

routes = Routes("reminders")
V1 = ("v1",)


class MessageParams(msgspec.Struct, frozen=True):
    """A message of the room."""

    messageId: int


class RemindParams(msgspec.Struct, frozen=True):
    """A message of the room, and when to be reminded of it (Unix time in seconds)."""

    messageId: int
    timestamp: int


_PATH = "chat/{token}/{messageId}/reminder"


@routes.add("POST", _PATH, *USER_PAST_LOBBY, versions=V1, params=RemindParams, returns=view.ReminderView)
async def set_reminder(tx: Tx, call: Call[RemindParams]) -> Reply:
    """Set a reminder of a message."""
    reminder = await service.set_reminder(tx, call.me, call.params.messageId, call.params.timestamp)
    return Reply(view.reminder(reminder, call.me), 201)


@routes.add("GET", _PATH, *USER_PAST_LOBBY, versions=V1, params=MessageParams, returns=view.ReminderView)
async def get_reminder(tx: Tx, call: Call[MessageParams]) -> view.ReminderView:
    """Get the reminder of a message."""
    return view.reminder(await service.get_reminder(tx, call.me, call.params.messageId), call.me)


@routes.add("DELETE", _PATH, *USER_PAST_LOBBY, versions=V1, params=MessageParams)
async def delete_reminder(tx: Tx, call: Call[MessageParams]) -> Reply:
    """Delete the reminder of a message."""
    await service.delete_reminder(tx, call.me, call.params.messageId)
    return Reply([])


@routes.add("GET", "chat/upcoming-reminders", Guard.USER, versions=V1, returns=list[view.UpcomingView])
async def list_upcoming(tx: Tx, call: Call[Any]) -> list[view.UpcomingView]:
    """List the upcoming reminders in all conversations."""
    return view.agenda(await service.list_upcoming(tx, call.user_id))
