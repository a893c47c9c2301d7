"""Rooms as administrators see them who are not in them."""

import msgspec

from talkd.areas.rooms.admin_model import RoomMeasures


class MeasuredRoomView(msgspec.Struct, frozen=True, rename="camel"):
    """A room without anything that its members wrote."""

    token: str
    type: int
    people: int
    messages: int
    """Including system messages."""
    last_activity: int
    has_call: bool


def measured(room: RoomMeasures) -> MeasuredRoomView:
    """Return what administrators see of a room."""
    return MeasuredRoomView(
        room.token, room.type, room.people, room.messages, room.last_activity, room.call_started_at > 0
    )
