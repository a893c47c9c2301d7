"""What administrators see of rooms that they are not in."""

import msgspec


class RoomMeasures(msgspec.Struct, frozen=True):
    """A room without anything that its members wrote, not even its name."""

    token: str
    type: int
    people: int
    messages: int
    """Including system messages."""
    last_activity: int
    call_started_at: int
    """0 if there is no call."""
