"""Joining as API v1 and v2 knew it."""

import msgspec

from talkd.areas.overviews.view import RoomView


class Joined(msgspec.Struct, frozen=True):
    """The device's session: who asks for more asks for the conversation."""

    sessionId: str


def joined(shown: RoomView) -> Joined:
    """Of the conversation as today's operation answers it."""
    return Joined(shown.sessionId)
