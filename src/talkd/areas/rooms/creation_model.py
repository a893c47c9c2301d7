"""What a client may choose when it creates a room."""

import msgspec

from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.conversation.participant import require_permissions
from talkd.conversation.room import NO_ATTRIBUTES, Attributes, Room, is_lobby_on
from talkd.core.constants import MAX_EXPIRATION, Listable, Lobby, ReadOnly, RoomType
from talkd.core.errors import Invalid

MAX_TIME = 2**53 - 1
"""The largest time, in seconds: JavaScript clients read larger numbers inexactly."""


class Picture(msgspec.Struct, frozen=True):
    """An emoji on a background colour (six hexadecimal digits); None for the theme's colour."""

    emoji: str
    color: str | None


class NewRoom(msgspec.Struct, frozen=True):
    """A group or public room to create."""

    type: RoomType
    name: str = ""
    """If empty, the room gets the name of the group, or `---`."""
    description: str = ""
    object_type: str = ""
    object_id: str = ""
    password_hash: str = ""
    attributes: Attributes = NO_ATTRIBUTES
    picture: Picture | None = None
    invited: str = ""
    """A group to add, or a team, as `source` says. It must exist; talkd has no teams."""
    source: str = ""
    newcomers: tuple[Newcomer, ...] = ()
    """Further people to add. Some may be refused, but not all."""


class Created(msgspec.Struct, frozen=True):
    """A new room, the creator's attendee in it, and the progress of adding other people."""

    room: Room
    attendee_id: int
    progress: Progress


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
    """Return the attributes as they are stored. Raises Invalid with the name of the first bad one as its reason.

    A lobby whose timer has expired is not turned on.
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
    is_on = is_lobby_on(lobby_state, lobby_timer)
    return Attributes(
        read_only=read_only,
        listable=listable,
        lobby_state=int(is_on),
        lobby_timer=lobby_timer if is_on else 0,
        sip_enabled=sip_enabled,
        message_expiration=message_expiration,
        default_permissions=require_permissions(permissions, "permissions"),
        mention_permissions=mention_permissions,
        recording_consent=recording_consent,
    )
