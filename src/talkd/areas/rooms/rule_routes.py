"""Operations that set a conversation's rules."""

import msgspec

from talkd.areas.overviews.rendering import render_mine
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import rule_service as service
from talkd.areas.rooms.routes import StateParams
from talkd.core.errors import Invalid, PreconditionFailed
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import USER_MODERATOR, Guard, Routes

routes = Routes("conversation")
V4 = ("v4",)


class ExpirationParams(msgspec.Struct, frozen=True):
    """Seconds that messages last; 0 for ever."""

    seconds: int


class MentionParams(msgspec.Struct, frozen=True):
    """Who may mention all: everybody (0) or moderators (1)."""

    mentionPermissions: int


class ConsentParams(msgspec.Struct, frozen=True):
    """Whether to ask for consent (1) or not (0)."""

    recordingConsent: int


class MeetingParams(msgspec.Struct, frozen=True):
    """When to meet, whom to invite (null for everybody), and the calendar that it stands in."""

    calendarUri: str
    start: int
    attendeeIds: list[int] | None = None
    end: int | None = None
    title: str | None = None
    description: str | None = None


@routes.add(
    "POST",
    "room/{token}/message-expiration",
    Guard.NO_LOGIN,
    Guard.MODERATOR,
    versions=V4,
    params=ExpirationParams,
    returns=RoomView,
)
async def set_message_expiration(tx: Tx, call: Call[ExpirationParams]) -> RoomView:
    """Choose how long messages last."""
    await service.set_message_expiration(tx, call.me, call.params.seconds)
    return await render_mine(tx, call)


@routes.add(
    "PUT",
    "room/{token}/mention-permissions",
    *USER_MODERATOR,
    versions=V4,
    params=MentionParams,
    returns=RoomView,
)
async def set_mention_permissions(tx: Tx, call: Call[MentionParams]) -> RoomView:
    """Choose who may mention everybody at once."""
    await service.set_mention_permissions(tx, call.me, call.params.mentionPermissions)
    return await render_mine(tx, call)


@routes.add(
    "PUT",
    "room/{token}/recording-consent",
    *USER_MODERATOR,
    versions=V4,
    params=ConsentParams,
    returns=RoomView,
)
async def set_recording_consent(tx: Tx, call: Call[ConsentParams]) -> RoomView:
    """Choose whether everybody must agree to being recorded."""
    setting = call.world.settings.recording_consent
    await service.set_recording_consent(tx, call.me, call.params.recordingConsent, server_setting=setting)
    return await render_mine(tx, call)


@routes.add("PUT", "room/{token}/webinar/sip", *USER_MODERATOR, versions=V4, params=StateParams)
async def set_sip(_tx: Tx, _call: Call[StateParams]) -> None:
    """Let people dial in by phone. No bridge to the telephone network can be set up with this release."""
    raise PreconditionFailed("config")


@routes.add("POST", "room/{token}/meeting", *USER_MODERATOR, versions=V4, params=MeetingParams)
async def schedule_meeting(_tx: Tx, _call: Call[MeetingParams]) -> None:
    """Put a meeting into a calendar. There are no calendars on this server."""
    raise Invalid("calendar")
