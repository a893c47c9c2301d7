"""What a conversation can be given when it is made."""

import msgspec

from talkd.conversation.permission import require_permissions
from talkd.conversation.room import Attributes
from talkd.core import clock
from talkd.core.constants import MAX_EXPIRATION, Listable, Lobby, ReadOnly
from talkd.core.errors import Invalid

MAX_TIME = 2**53 - 1
"""The last moment that every client can read as a number."""


class Picture(msgspec.Struct, frozen=True):
    """An emoji on a colour, six hexadecimal digits; None for the theme's."""

    emoji: str
    color: str | None


def require_attributes(
    *,
    read_only: int,
    listable: int,
    lobby_state: int,
    lobby_timer: int,
    sip_enabled: int,
    message_expiration: int,
    permissions: int,
    mention_permissions: int,
    recording_consent: int,
) -> Attributes:
    """The settings as they are stored. Raises Invalid with the name of the first that has no such value.

    A lobby whose timer is over is none.
    """
    for value, values, reason in (
        (read_only, tuple(ReadOnly), "read-only"),
        (listable, tuple(Listable), "listable"),
        (lobby_state, tuple(Lobby), "lobby"),
        (sip_enabled, (0, 1, 2), "sip-enabled"),
        (mention_permissions, (0, 1), "mention-permissions"),
        (recording_consent, (0, 1), "recording-consent"),
    ):
        if value not in values:
            raise Invalid(reason)
    if not 0 <= message_expiration <= MAX_EXPIRATION:
        raise Invalid("message-expiration")
    if not 0 <= lobby_timer <= MAX_TIME:
        raise Invalid("lobby-timer")
    waits = lobby_state == Lobby.NON_MODERATORS and not 0 < lobby_timer <= clock.now()
    return Attributes(
        read_only=read_only,
        listable=listable,
        lobby_state=int(waits),
        lobby_timer=lobby_timer if waits else 0,
        sip_enabled=sip_enabled,
        message_expiration=message_expiration,
        default_permissions=require_permissions(permissions, "permissions"),
        mention_permissions=mention_permissions,
        recording_consent=recording_consent,
    )
