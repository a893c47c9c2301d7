"""What the chat of 2018 called it: pure functions from today's messages, and from today's requests to its own."""

from collections.abc import Collection

import msgspec

from talkd.areas.messages.view import MessageView, plain_text
from talkd.core.actor import USERS
from talkd.core.errors import Invalid

DEFAULT_SECONDS = 30
MAX_SECONDS = 60
"""How long a client of 2018 may wait; today it is 30 seconds."""

_SINCE_CHAT_V2 = frozenset(
    {
        "limit",
        "lastKnownMessageId",
        "lastCommonReadId",
        "setReadMarker",
        "includeLastKnown",
        "noStatusUpdate",
        "markNotificationsAsRead",
    }
)


class OldMessageView(msgspec.Struct, frozen=True):
    """A message on the wire of 2018."""

    id: int
    actorType: str
    actorId: str
    actorDisplayName: str
    timestamp: int
    message: str


def counts_messages(given: Collection[str]) -> bool:
    """Whether a request with these parameters is one of 2018, which counts messages from the beginning.

    All others say where to look. Raises Invalid("lookIntoFuture") when a request of another time does not.
    """
    if "lookIntoFuture" in given:
        return False
    if not _SINCE_CHAT_V2.isdisjoint(given):
        raise Invalid("lookIntoFuture", message="Say with lookIntoFuture whether to wait (1) or to read back (0).")
    return True


def seconds_to_wait(timeout: int) -> int:
    """As long as asked for, MAX_SECONDS at most."""
    return max(0, min(timeout, MAX_SECONDS))


def message(today: MessageView) -> OldMessageView:
    """The message in plain text. Whoever is no user of this server counts as a guest."""
    return OldMessageView(
        today.id,
        USERS if today.actorType == USERS else "guests",
        today.actorId,
        today.actorDisplayName,
        today.timestamp,
        plain_text(today.message, today.messageParameters),
    )
