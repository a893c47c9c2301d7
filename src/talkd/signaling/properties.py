"""The properties of a room, as signaling tells them."""

from datetime import UTC, datetime
from typing import Any

from talkd.conversation.room import Room
from talkd.core import clock, events

PROPERTIES_SET = (
    events.RoomRenamed,
    events.DescriptionSet,
    events.AvatarSet,
    events.GuestsAllowed,
    events.GuestsDisallowed,
    events.PasswordSet,
    events.ReadOnlySet,
    events.ListableSet,
    events.MessageExpirationSet,
    events.RecordingConsentSet,
    events.MentionPermissionsSet,
    events.AssistanceSet,
    events.DialInSet,
)
"""Events after which a room looks different. Others, about calls and lobbies, have more consequences."""


def properties(room: Room, name: str) -> dict[str, Any]:
    """Return the properties of a room. `name` is its name as the recipient sees it."""
    return {
        "name": name,
        "type": room.type,
        "lobby-state": room.lobby_state,
        "lobby-timer": _date(room.lobby_timer),
        "read-only": room.read_only,
        "listable": room.listable,
        "active-since": _date(clock.date_of(room.call_started_at)),
        "sip-enabled": room.sip_enabled,
        "description": room.description,
    }


def _date(moment: int) -> dict[str, Any] | None:
    """Return a Unix time in the form that PHP gives dates in JSON, or None for 0."""
    if not moment:
        return None
    date = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S.000000")
    return {"date": date, "timezone_type": 3, "timezone": "UTC"}
