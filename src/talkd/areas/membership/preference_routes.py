"""What participants choose for themselves: favourites, notifications and the like; and whether they are looking."""

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
    """Make a conversation a favourite."""
    return await _set(tx, call, "favorite", True)


@routes.add("DELETE", "room/{token}/favorite", *USER_IN_ROOM, **_OPTIONS)
async def remove_favorite(tx: Tx, call: Call[Any]) -> RoomView:
    """Make a conversation a favourite no longer."""
    return await _set(tx, call, "favorite", False)


@routes.add("POST", "room/{token}/notify", *USER_IN_ROOM, params=LevelParams, **_OPTIONS)
async def set_notification_level(tx: Tx, call: Call[LevelParams]) -> RoomView:
    """Choose which messages to hear of."""
    await attendees.set_notification_level(tx, call.me, call.params.level)
    return await rendering.render_mine(tx, call)


@routes.add("POST", "room/{token}/notify-calls", *USER_IN_ROOM, params=LevelParams, **_OPTIONS)
async def set_notification_calls(tx: Tx, call: Call[LevelParams]) -> RoomView:
    """Choose whether to hear of calls."""
    await attendees.set_notification_calls(tx, call.me, call.params.level)
    return await rendering.render_mine(tx, call)


@routes.add("POST", "room/{token}/archive", *USER_IN_ROOM, **_OPTIONS)
async def archive(tx: Tx, call: Call[Any]) -> RoomView:
    """Put a conversation away; it stays readable and goes on counting."""
    return await _set(tx, call, "archived", True)


@routes.add("DELETE", "room/{token}/archive", *USER_IN_ROOM, **_OPTIONS)
async def unarchive(tx: Tx, call: Call[Any]) -> RoomView:
    """Take a conversation out of the archive."""
    return await _set(tx, call, "archived", False)


@routes.add("POST", "room/{token}/important", *USER_IN_ROOM, **_OPTIONS)
async def add_important(tx: Tx, call: Call[Any]) -> RoomView:
    """Be notified of a conversation even when not to be disturbed."""
    return await _set(tx, call, "important", True)


@routes.add("DELETE", "room/{token}/important", *USER_IN_ROOM, **_OPTIONS)
async def remove_important(tx: Tx, call: Call[Any]) -> RoomView:
    """Treat a conversation like any other."""
    return await _set(tx, call, "important", False)


@routes.add("POST", "room/{token}/sensitive", *USER_IN_ROOM, **_OPTIONS)
async def add_sensitive(tx: Tx, call: Call[Any]) -> RoomView:
    """Keep what is said in a conversation out of lists and notifications."""
    return await _set(tx, call, "sensitive", True)


@routes.add("DELETE", "room/{token}/sensitive", *USER_IN_ROOM, **_OPTIONS)
async def remove_sensitive(tx: Tx, call: Call[Any]) -> RoomView:
    """Show what is said in a conversation in lists and notifications."""
    return await _set(tx, call, "sensitive", False)


@routes.add("PUT", "room/{token}/participants/state", *IN_ROOM, params=StateParams, **_OPTIONS)
async def set_state(tx: Tx, call: Call[StateParams]) -> RoomView:
    """Say whether anybody is looking at this device: active (1) or not (0)."""
    await sessions.set_state(tx, call.me, call.params.state)
    return await rendering.render_mine(tx, call)
