"""The chat API of 2018: which requests use it, and the form of its messages."""

from collections.abc import Collection

import msgspec

from talkd.areas.messages.view import MessageView, plain_text
from talkd.core.actor import USERS
from talkd.core.errors import Invalid

DEFAULT_SECONDS = 30
MAX_SECONDS = 60
"""How long a client of 2018 may wait. Today's maximum is 30 seconds (MAX_POLL_SECONDS)."""

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
    """A message in the API of 2018."""

    id: int
    actorType: str
    actorId: str
    actorDisplayName: str
    timestamp: int
    message: str


def counts_messages(given: Collection[str]) -> bool:
    """Return True if the names of the parameters are those of a client of 2018, which counts messages by offset.

    All later clients send `lookIntoFuture`. Raises Invalid("lookIntoFuture") if it is missing beside other parameters
    of later clients.
    """
    if "lookIntoFuture" in given:
        return False
    if not _SINCE_CHAT_V2.isdisjoint(given):
        raise Invalid(
            "lookIntoFuture", message="Set lookIntoFuture to 1 to wait for new messages, or to 0 to get older ones."
        )
    return True


def seconds_to_wait(timeout: int) -> int:
    """Clamp the timeout to MAX_SECONDS."""
    return max(0, min(timeout, MAX_SECONDS))


def message(today: MessageView) -> OldMessageView:
    """Convert a message to the form of 2018, in plain text. An actor who is not a user is shown as a guest."""
    return OldMessageView(
        today.id,
        USERS if today.actorType == USERS else "guests",
        today.actorId,
        today.actorDisplayName,
        today.timestamp,
        plain_text(today.message, today.messageParameters),
    )
