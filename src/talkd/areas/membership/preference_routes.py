"""Operations on the caller's preferences of a room, such as favourites and notifications, and on the session state."""

from typing import Any

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.participants import attendee_service as attendees
from talkd.areas.rooms.setting_routes import StateParams
from talkd.areas.sessions import service as sessions
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import IN_ROOM, USER_IN_ROOM, Routes

routes = Routes("participant")
_OPTIONS: dict[str, Any] = {"versions": ("v4",), "returns": RoomView}


class LevelParams(msgspec.Struct, frozen=True):
    """A notification level."""

    level: int


async def _set(tx: Tx, call: Call[Any], field: str, is_set: bool) -> RoomView:
    await attendees.set_flag(tx, call.me, field, is_set)
    return await rendering.render_mine(tx, call)


@routes.add("POST", "room/{token}/favorite", *USER_IN_ROOM, **_OPTIONS)
async def add_favorite(tx: Tx, call: Call[Any]) -> RoomView:
    """Add a conversation to the favourites."""
    return await _set(tx, call, "favorite", True)


@routes.add("DELETE", "room/{token}/favorite", *USER_IN_ROOM, **_OPTIONS)
async def remove_favorite(tx: Tx, call: Call[Any]) -> RoomView:
    """Remove a conversation from the favourites."""
    return await _set(tx, call, "favorite", False)


@routes.add("POST", "room/{token}/notify", *USER_IN_ROOM, params=LevelParams, **_OPTIONS)
async def set_notification_level(tx: Tx, call: Call[LevelParams]) -> RoomView:
    """Choose which messages create notifications."""
    await attendees.set_notification_level(tx, call.me, call.params.level)
    return await rendering.render_mine(tx, call)


@routes.add("POST", "room/{token}/notify-calls", *USER_IN_ROOM, params=LevelParams, **_OPTIONS)
async def set_notification_calls(tx: Tx, call: Call[LevelParams]) -> RoomView:
    """Choose whether calls create notifications."""
    await attendees.set_notification_calls(tx, call.me, call.params.level)
    return await rendering.render_mine(tx, call)


@routes.add("POST", "room/{token}/archive", *USER_IN_ROOM, **_OPTIONS)
async def archive(tx: Tx, call: Call[Any]) -> RoomView:
    """Archive a conversation. It still counts unread messages."""
    return await _set(tx, call, "archived", True)


@routes.add("DELETE", "room/{token}/archive", *USER_IN_ROOM, **_OPTIONS)
async def unarchive(tx: Tx, call: Call[Any]) -> RoomView:
    """Take a conversation out of the archive."""
    return await _set(tx, call, "archived", False)


@routes.add("POST", "room/{token}/important", *USER_IN_ROOM, **_OPTIONS)
async def add_important(tx: Tx, call: Call[Any]) -> RoomView:
    """Mark a conversation as important: it notifies the user even in "do not disturb"."""
    return await _set(tx, call, "important", True)


@routes.add("DELETE", "room/{token}/important", *USER_IN_ROOM, **_OPTIONS)
async def remove_important(tx: Tx, call: Call[Any]) -> RoomView:
    """Unmark an important conversation."""
    return await _set(tx, call, "important", False)


@routes.add("POST", "room/{token}/sensitive", *USER_IN_ROOM, **_OPTIONS)
async def add_sensitive(tx: Tx, call: Call[Any]) -> RoomView:
    """Mark a conversation as sensitive: lists and notifications do not show its messages."""
    return await _set(tx, call, "sensitive", True)


@routes.add("DELETE", "room/{token}/sensitive", *USER_IN_ROOM, **_OPTIONS)
async def remove_sensitive(tx: Tx, call: Call[Any]) -> RoomView:
    """Unmark a sensitive conversation."""
    return await _set(tx, call, "sensitive", False)


@routes.add("PUT", "room/{token}/participants/state", *IN_ROOM, params=StateParams, **_OPTIONS)
async def set_state(tx: Tx, call: Call[StateParams]) -> RoomView:
    """Set the state of the session: active (1) or inactive (0)."""
    await sessions.set_state(tx, call.me, call.params.state)
    return await rendering.render_mine(tx, call)
