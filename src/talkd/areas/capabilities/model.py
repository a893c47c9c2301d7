"""What this release can do, in the words that clients look for. A feature is listed when its operations exist."""

from collections.abc import Collection

import msgspec

from talkd.conversation.settings import TWO_LINES
from talkd.core.constants import API_FEATURES

FEATURES = (
    # what every client takes for granted
    "audio",
    "video",
    "chat-v2",
    "conversation-v4",
    "signaling-v3",
    "guest-signaling",
    "empty-group-room",
    "multi-room-users",
    "no-ping",
    "last-room-activity",
    # conversations
    "favorites",
    "room-description",
    "read-only-rooms",
    "locked-one-to-one-rooms",
    "note-to-self",
    "notification-levels",
    "notification-calls",
    "message-expiration",
    "mention-permissions",
    "archived-conversations-v2",
    "important-conversations",
    "sensitive-conversations",
    "session-state",
    "ban-v1",
    "conversation-creation-password",
    "conversation-creation-all",
    "listable-rooms",
    "webinary-lobby",
    "avatar",
    "breakout-rooms-v1",
    # people
    "conversation-permissions",
    "publishing-permissions",
    "guest-display-names",
    "invite-groups-and-mails",
    "email-csv-import",
    "temp-user-avatar-api",
    # chat
    "system-messages",
    "mention-flag",
    "direct-mention-flag",
    "chat-replies",
    "chat-reference-id",
    "chat-read-marker",
    "chat-read-status",
    "chat-read-last",
    "chat-unread",
    "chat-permission",
    "reactions",
    "markdown-messages",
    "silent-send",
    "silent-send-state",
    "typing-privacy",
    "edit-messages",
    "edit-messages-note-to-self",
    "delete-messages",
    "delete-messages-unlimited",
    "clear-history",
    "chat-get-context",
    "unified-search",
    "chat-keep-notifications",
    "remind-me-later",
    "upcoming-reminders",
    "talk-polls",
    "talk-polls-drafts",
    "edit-draft-poll",
    "rich-object-sharing",
    "rich-object-list-media",
    "rich-object-delete",
    "geo-location-sharing",
    # calls
    "in-call-flags",
    "conversation-call-flags",
    "start-call-flag",
    "raise-hand",
    "silent-call",
    "force-mute",
    "call-notification-state-api",
    "download-call-participants",
    "recording-consent",
    "send-call-notification",
)
"""The versions of the API among them are announced as the settings say: see `announce`."""

LOCAL_FEATURES = (
    "favorites",
    "chat-read-status",
    "note-to-self",
    "temp-user-avatar-api",
    "call-notification-state-api",
    "avatar",
    "archived-conversations-v2",
    "important-conversations",
    "sensitive-conversations",
    "conversation-creation-all",
    "listable-rooms",
    "unified-search",
    "remind-me-later",
    "upcoming-reminders",
)
"""Those that a client asks of its own server, not of the one that hosts a conversation."""

REACTIONS = ("❤️", "🎉", "👏", "👋", "👍", "👎", "🔥", "😂", "🤩", "🤔", "😲", "😥")
"""What can be thrown during a call; they travel over signaling."""

NOTIFICATIONS = ("list", "get", "delete", "delete-all", "exists", "icons", "rich-strings", "action-web")
"""What clients can do with notifications, and what these hold."""

LOCAL_CONFIG = {
    "attachments": ["allowed"],
    "call": ["predefined-backgrounds", "can-upload-background", "start-without-media", "blur-virtual-background"],
    "chat": [
        "read-privacy",
        "has-translation-providers",
        "has-translation-task-providers",
        "typing-privacy",
        "summary-threshold",
    ],
    "conversations": ["can-create", "list-style", "description-length"],
    "federation": ["enabled", "incoming-enabled", "outgoing-enabled", "only-trusted-servers"],
    "previews": ["max-gif-size"],
    "signaling": ["session-ping-limit", "hello-v2-token-key"],
}

SESSION_PING_LIMIT = 200
MAX_GIF_SIZE = 3_145_728


def announce(versions: Collection[str]) -> list[str]:
    """All features, of those that stand for API versions only these."""
    kept = [name for name in FEATURES if name not in API_FEATURES or name in versions]
    return kept + [name for name in API_FEATURES if name in versions and name not in FEATURES]


class Viewer(msgspec.Struct, frozen=True):
    """What of a caller the capabilities depend on; the defaults are a visitor's."""

    user_id: str | None = None
    language: str = ""
    locale: str = ""
    timezone: str = ""
    read_privacy: int = 0
    typing_privacy: int = 0
    starts_without_media: bool = False
    blurs_background: bool = False
    list_style: str = TWO_LINES
    may_use_talk: bool = True
    """Setting `allowed_groups`: for whoever is not in one of them, Talk does not exist."""
    may_create: bool = False
    """Setting `start_conversations`: who may open conversations."""
    may_dial_out: bool = False
    """Whether a bridge to the telephone network is set up for this caller."""
