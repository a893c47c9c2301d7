"""The features of this release, under the names that clients look for. A feature is listed if its operations exist."""

from collections.abc import Collection

import msgspec

from talkd.conversation.settings import TWO_LINES
from talkd.core.constants import API_FEATURES

FEATURES = (
    # features that every client requires
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
    # participants
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
"""Some of these names stand for API versions: see `list_features`."""

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
"""The features that clients look for on the user's own server, not on the server that hosts a room."""

REACTIONS = ("❤️", "🎉", "👏", "👋", "👍", "👎", "🔥", "😂", "🤩", "🤔", "😲", "😥")
"""Emojis that clients offer as reactions during a call and send to each other over signaling."""

NOTIFICATIONS = ("list", "get", "delete", "delete-all", "exists", "icons", "rich-strings", "action-web")
"""What clients can do with notifications, and what notifications contain."""

LOCAL_CONFIG = {
    "attachments": ["allowed", "folder"],
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
"""The entries of `config` that clients read from the user's own server, by group."""

SESSION_PING_LIMIT = 200
MAX_GIF_SIZE = 3_145_728


class Optional(msgspec.Struct, frozen=True):
    """Which parts an administrator has set up beside talkd."""

    recording: bool
    dial_in: bool
    dial_out: bool

    @property
    def features(self) -> list[str]:
        """The features that these parts bring."""
        return [
            *["recording-v1"] * self.recording,
            *["sip-support", "sip-support-nopin", "sip-direct-dialin"] * self.dial_in,
            *["sip-support-dialout"] * self.dial_out,
        ]


def list_features(versions: Collection[str], optional: Optional) -> list[str]:
    """Return all features. Of those that stand for API versions, return only `versions`."""
    kept = [name for name in FEATURES if name not in API_FEATURES or name in versions] + optional.features
    return kept + [name for name in API_FEATURES if name in versions and name not in FEATURES]


class Viewer(msgspec.Struct, frozen=True):
    """The data of the caller that capabilities depend on. The defaults are for callers without an account."""

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
    """Whether the setting `allowed_groups` lets the caller use Talk. If not, the capabilities do not mention Talk."""
    may_create: bool = False
    """Whether the setting `start_conversations` lets the caller create group and public rooms."""
    may_dial_out: bool = False
    """Whether a SIP bridge can call phone numbers, and the caller may use it."""
    attachment_folder: str = ""
    """The caller's folder for files that they send; "" for callers who can send none."""
    may_enable_dial_in: bool = False
    """Whether people can dial in through a SIP bridge, and the caller may let them."""
