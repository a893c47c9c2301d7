"""The constants of the API, and limits of talkd."""

from enum import IntEnum, IntFlag


class RoomType(IntEnum):
    """The type of a room."""

    ONE_TO_ONE = 1
    GROUP = 2
    PUBLIC = 3
    CHANGELOG = 4
    ONE_TO_ONE_FORMER = 5
    NOTE_TO_SELF = 6


class ParticipantType(IntEnum):
    """The role of an attendee."""

    OWNER = 1
    MODERATOR = 2
    USER = 3
    GUEST = 4
    USER_SELF_JOINED = 5
    GUEST_MODERATOR = 6


MODERATOR_TYPES = frozenset({ParticipantType.OWNER, ParticipantType.MODERATOR, ParticipantType.GUEST_MODERATOR})
GUEST_TYPES = frozenset({ParticipantType.GUEST, ParticipantType.GUEST_MODERATOR})


class InCall(IntFlag):
    """The media that a session sends in a call."""

    NONE = 0
    IN_CALL = 1
    AUDIO = 2
    VIDEO = 4
    PHONE = 8


class Permission(IntFlag):
    """The permissions of an attendee. DEFAULT means that the permissions of the call or the room apply."""

    DEFAULT = 0
    CUSTOM = 1
    CALL_START = 2
    CALL_JOIN = 4
    LOBBY_IGNORE = 8
    PUBLISH_AUDIO = 16
    PUBLISH_VIDEO = 32
    PUBLISH_SCREEN = 64
    CHAT = 128


MAX_DEFAULT_PERMISSIONS = Permission(254)
MAX_CUSTOM_PERMISSIONS = Permission(255)


class NotificationLevel(IntEnum):
    """The messages of a room that an attendee is notified of."""

    DEFAULT = 0
    ALWAYS = 1
    MENTION = 2
    NEVER = 3


class Listable(IntEnum):
    """Who can find a room by searching without being in it."""

    NONE = 0
    USERS = 1
    ALL = 2


class ReadOnly(IntEnum):
    """Whether a room is locked (read-only)."""

    READ_WRITE = 0
    READ_ONLY = 1


class Lobby(IntEnum):
    """Whether participants wait in the lobby."""

    NONE = 0
    NON_MODERATORS = 1


class StartCall(IntEnum):
    """Who may start a call (the setting `start_calls`)."""

    EVERYONE = 0
    USERS = 1
    MODERATORS = 2
    NOBODY = 3


API_FEATURES = (
    "chat",
    "chat-v2",
    "invite-by-mail",
    "conversation-v2",
    "conversation-v3",
    "conversation-v4",
    "signaling-v3",
)
"""The features in the capabilities by which clients choose an API version."""

ABOVE_ALL_IDS = 2**62
"""Larger than every id."""
NEVER_READ = -2
"""Read marker of an attendee who has read no message of the room."""

MAX_MESSAGE_LENGTH = 32_000
MAX_ROOM_NAME_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 2_000
MAX_OBJECT_LENGTH = 64
MAX_REFERENCE_ID_LENGTH = 64
MAX_CHAT_LIMIT = 200
MAX_CONTEXT_LIMIT = 100
"""Maximum number of messages before and after the requested one, in a context request."""
MAX_EXPIRATION = 2**31 - 1
"""Maximum number of seconds after which messages expire. Some clients store the number in 32 bits."""
MAX_GUEST_MENTIONS, MENTION_SECONDS = 50, 86_400
"""How many messages with mentions the guests of one network may send, and in how many seconds."""
MAX_POLL_SECONDS = 30
MAX_EDIT_AGE = 86_400
"""Seconds after which a message can no longer be edited, except in a note to self."""

SESSION_TIMEOUT = 40
"""Seconds without a request after which a session no longer counts as online. Clients poll every 30 seconds."""
SESSION_KILL = 100
"""Seconds without a request after which a session is removed."""
