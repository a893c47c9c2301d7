"""The numbers of the API (api-surface.md, Y)."""

from enum import IntEnum, IntFlag


class RoomType(IntEnum):
    """What kind of conversation it is."""

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


MODERATORS = frozenset({ParticipantType.OWNER, ParticipantType.MODERATOR, ParticipantType.GUEST_MODERATOR})
GUESTS = frozenset({ParticipantType.GUEST, ParticipantType.GUEST_MODERATOR})


class InCall(IntFlag):
    """What somebody brings to a call."""

    NONE = 0
    IN_CALL = 1
    AUDIO = 2
    VIDEO = 4
    PHONE = 8


class Permission(IntFlag):
    """What somebody may do in a room. 0 means: see one level further out."""

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
    """When somebody wants to hear of a message."""

    DEFAULT = 0
    ALWAYS = 1
    MENTION = 2
    NEVER = 3


class Listable(IntEnum):
    """Who finds a room by searching."""

    NONE = 0
    USERS = 1
    ALL = 2


class ReadOnly(IntEnum):
    """Whether a room is locked."""

    READ_WRITE = 0
    READ_ONLY = 1


class Lobby(IntEnum):
    """Who waits outside."""

    NONE = 0
    NON_MODERATORS = 1


class StartCall(IntEnum):
    """App setting `start_calls`: who may start a call."""

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
"""The features by which clients choose an API version (versions.md, 9)."""

ABOVE_ALL_IDS = 2**62
"""An id that nothing has; everything there is comes before it."""
NEVER_READ = -2
"""Read marker before the first message of a room: everything is unread."""

MAX_MESSAGE_LENGTH = 32_000
MAX_ROOM_NAME_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 2_000
MAX_OBJECT_LENGTH = 64
MAX_REFERENCE_ID_LENGTH = 64
MAX_CHAT_LIMIT = 200
MAX_CONTEXT_LIMIT = 100
"""Messages on either side of the one that is looked around."""
MAX_EXPIRATION = 2**31 - 1
"""Seconds for which messages last at most, unless they stay; some clients keep the number in 32 bits."""
MAX_GUEST_MENTIONS, MENTION_SECONDS = 50, 86_400
"""Messages in which the guests of one network may mention somebody within so many seconds."""
MAX_POLL_SECONDS = 30
MAX_EDIT_AGE = 86_400
"""Seconds after which a message keeps its text, except in a note to self."""

SESSION_TIMEOUT = 40
"""Seconds without a sign after which a session counts as gone for others in a call: a poll of 30 and some grace."""
SESSION_KILL = 100
"""Seconds without a sign after which a session is removed."""
