"""Operations that change the settings of a room."""

from typing import Any

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import setting_service as room_settings
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import lock_room_again
from talkd.web.routing import ANY_MODERATOR, USER_MODERATOR, Access, Routes

routes = Routes("conversation")
V4 = ("v4",)


class NameParams(msgspec.Struct, frozen=True):
    """A new name."""

    roomName: str


class DescriptionParams(msgspec.Struct, frozen=True):
    """A new description."""

    description: str


class PasswordParams(msgspec.Struct, frozen=True):
    """A new password; empty for none."""

    password: str


class OptionalPasswordParams(msgspec.Struct, frozen=True):
    """A password to set at the same time; empty for none."""

    password: str = ""


class ScopeParams(msgspec.Struct, frozen=True):
    """Who finds the room by searching: nobody (0), users (1), also users of a guests app (2)."""

    scope: int


class StateParams(msgspec.Struct, frozen=True):
    """On (1) or off (0)."""

    state: int


class ExpirationParams(msgspec.Struct, frozen=True):
    """Seconds after which messages expire; 0 for never."""

    seconds: int


class MentionParams(msgspec.Struct, frozen=True):
    """Who may mention @all: everybody (0) or moderators (1)."""

    mentionPermissions: int


class ConsentParams(msgspec.Struct, frozen=True):
    """Whether to ask for consent to recording (1) or not (0)."""

    recordingConsent: int


class MeetingParams(msgspec.Struct, frozen=True):
    """When to meet, whom to invite (null for everybody), and the calendar to put the meeting into."""

    calendarUri: str
    start: int
    attendeeIds: list[int] | None = None
    end: int | None = None
    title: str | None = None
    description: str | None = None


@routes.add("PUT", "room/{token}", *ANY_MODERATOR, versions=V4, params=NameParams, returns=RoomView)
async def rename_room(tx: Tx, call: Call[NameParams]) -> RoomView:
    """Rename a conversation."""
    await room_settings.rename(tx, call.me.room, call.me.actor, call.params.roomName)
    return await rendering.render_mine(tx, call)


@routes.add("PUT", "room/{token}/description", *ANY_MODERATOR, versions=V4, params=DescriptionParams, returns=RoomView)
async def set_description(tx: Tx, call: Call[DescriptionParams]) -> RoomView:
    """Describe a conversation."""
    await room_settings.set_description(tx, call.me.room, call.me.actor, call.params.description)
    return await rendering.render_mine(tx, call)


# --- who may join ---------------------------------------------------------------------------
@routes.add(
    "POST",
    "room/{token}/public",
    *USER_MODERATOR,
    versions=V4,
    params=OptionalPasswordParams,
    access=Access.OWN,
    returns=RoomView,
)
async def allow_guests(call: Call[OptionalPasswordParams]) -> RoomView:
    """Let everybody who has the link join a conversation."""
    becomes_public = call.me.room.type == RoomType.GROUP
    password_hash = await hash_room_password(call, call.params.password, is_public=becomes_public)

    async def work(tx: Tx) -> RoomView:
        await lock_room_again(tx, call)  # it may have changed during the hashing
        await room_settings.allow_guests(tx, call.me.room, call.me.actor, password_hash)
        return await rendering.render_mine(tx, call)

    return await call.write(work)


async def hash_room_password(call: Call[Any], password: str, *, is_public: bool) -> str:
    """Return the hash of a room's password, or "" if there is none.

    Raises Invalid("password") for a password that the server does not accept, and for a public room without one if
    the server requires it.
    """
    policy.require_forced_password(
        is_open=is_public, has_password=bool(password), is_forced=call.world.talk_settings.force_passwords
    )
    if not password:
        return ""
    policy.require_room_password(password, call.world.config.security)
    return await passwords.hash_password(password)


@routes.add("DELETE", "room/{token}/public", *USER_MODERATOR, versions=V4, returns=RoomView)
async def disallow_guests(tx: Tx, call: Call[Any]) -> RoomView:
    """Let only members into a conversation."""
    await room_settings.disallow_guests(tx, call.me.room, call.me.actor)
    return await rendering.render_mine(tx, call)


@routes.add(
    "PUT",
    "room/{token}/password",
    *ANY_MODERATOR,
    versions=V4,
    params=PasswordParams,
    access=Access.OWN,
    returns=RoomView,
)
async def set_password(call: Call[PasswordParams]) -> RoomView:
    """Set or remove the password of a public conversation."""
    is_public = call.me.room.type == RoomType.PUBLIC
    password_hash = await hash_room_password(call, call.params.password, is_public=is_public)

    async def work(tx: Tx) -> RoomView:
        await lock_room_again(tx, call)  # it may have changed during the hashing
        await room_settings.set_password(tx, call.me.room, call.me.actor, password_hash)
        return await rendering.render_mine(tx, call)

    return await call.write(work)


@routes.add("PUT", "room/{token}/listable", *USER_MODERATOR, versions=V4, params=ScopeParams, returns=RoomView)
async def set_listable(tx: Tx, call: Call[ScopeParams]) -> RoomView:
    """Choose who finds a conversation by searching."""
    await room_settings.set_listable(tx, call.me.room, call.me.actor, call.params.scope)
    return await rendering.render_mine(tx, call)


# --- what happens inside --------------------------------------------------------------------
@routes.add("PUT", "room/{token}/read-only", *USER_MODERATOR, versions=V4, params=StateParams, returns=RoomView)
async def set_read_only(tx: Tx, call: Call[StateParams]) -> RoomView:
    """Lock or unlock a conversation."""
    await room_settings.set_read_only(tx, call.me.room, call.me.actor, call.params.state)
    return await rendering.render_mine(tx, call)


@routes.add(
    "POST",
    "room/{token}/message-expiration",
    *ANY_MODERATOR,
    versions=V4,
    params=ExpirationParams,
    returns=RoomView,
)
async def set_message_expiration(tx: Tx, call: Call[ExpirationParams]) -> RoomView:
    """Choose when messages expire."""
    await room_settings.set_message_expiration(tx, call.me.room, call.me.actor, call.params.seconds)
    return await rendering.render_mine(tx, call)


@routes.add(
    "PUT",
    "room/{token}/mention-permissions",
    *USER_MODERATOR,
    versions=V4,
    params=MentionParams,
    returns=RoomView,
)
async def set_mention_permissions(tx: Tx, call: Call[MentionParams]) -> RoomView:
    """Choose who may mention @all."""
    await room_settings.set_mention_permissions(tx, call.me.room, call.me.actor, call.params.mentionPermissions)
    return await rendering.render_mine(tx, call)


@routes.add(
    "PUT",
    "room/{token}/recording-consent",
    *USER_MODERATOR,
    versions=V4,
    params=ConsentParams,
    returns=RoomView,
)
async def set_recording_consent(tx: Tx, call: Call[ConsentParams]) -> RoomView:
    """Choose whether participants must agree to being recorded."""
    server_setting = call.world.talk_settings.recording_consent
    me, value = call.me, call.params.recordingConsent
    await room_settings.set_recording_consent(tx, me.room, me.actor, value, server_setting=server_setting)
    return await rendering.render_mine(tx, call)


@routes.add("PUT", "room/{token}/webinar/sip", *USER_MODERATOR, versions=V4, params=StateParams, returns=RoomView)
async def set_dial_in(tx: Tx, call: Call[StateParams]) -> RoomView:
    """Let people dial in by telephone: 0 not at all, 1 with a PIN, 2 also without one."""
    me, state = call.me, call.params.state
    await room_settings.set_dial_in(tx, me.room, me.actor, state, call.world.talk_settings)
    return await rendering.render_mine(tx, call)


# --- what this server does not have ---------------------------------------------------------
@routes.add("POST", "room/{token}/meeting", *USER_MODERATOR, versions=V4, params=MeetingParams)
async def schedule_meeting(_tx: Tx, _call: Call[MeetingParams]) -> None:
    """Put a meeting into a calendar. Always refused: this server has no calendars."""
    raise Invalid("calendar")
