"""The settings of the app `spreed` that administrators can change while the server runs, and those of users.

The database stores them as texts under the names that Talk gives them. Only `everyone_may_ring` is talkd's own.
"""

from collections.abc import Mapping

import msgspec

from talkd.conversation.setting_values import (
    CLUSTERS,
    DEFAULTS,
    GROUPS,
    MAX_SECONDS,
    PERMISSIONS,
    SAYS_YES,
    SECONDS,
    SETTINGS,
    YES_NO,
    RecordingServer,
    TurnServer,
    parse_number,
    parse_recording_servers,
    parse_stun_servers,
    parse_turn_servers,
)
from talkd.conversation.signaling_servers import NO_SERVERS, SignalingServers, parse_signaling_servers
from talkd.core.constants import MAX_CUSTOM_PERMISSIONS
from talkd.core.json import UNREADABLE

APP = "spreed"
CORE = "core"
APPS = (CORE, APP)
"""The apps whose settings can be changed."""
ALLOWED_GROUPS = "allowed_groups"
"""The setting with the groups that may use Talk."""

_GROUP_IDS = msgspec.json.Decoder(list[str])
_YES_NO = frozenset({"yes", "no"})
_NUMBERS = frozenset({"0", "1"})
READ_PRIVACY = "read_status_privacy"
TYPING_PRIVACY = "typing_privacy"
WITHOUT_MEDIA = "calls_start_without_media"
BLURRED = "blur_virtual_background"
LIST_STYLE = "conversations_list_style"
TWO_LINES = "two-lines"
PREFERENCES: Mapping[str, frozenset[str] | None] = {
    "attachment_folder": None,
    READ_PRIVACY: _NUMBERS,
    TYPING_PRIVACY: _NUMBERS,
    "play_sounds": _YES_NO,
    WITHOUT_MEDIA: _YES_NO,
    BLURRED: _YES_NO,
    LIST_STYLE: frozenset({TWO_LINES, "compact"}),
    "conversations_sort_order": None,
    "conversations_group_mode": None,
}
"""The settings of users, with their possible values; None for any text up to MAX_PREFERENCE_LENGTH."""
MAX_PREFERENCE_LENGTH = 512


def is_preference(key: str, value: str) -> bool:
    """Return True if users have this setting and it can have this value."""
    if key not in PREFERENCES:
        return False
    values = PREFERENCES[key]
    return len(value) <= MAX_PREFERENCE_LENGTH if values is None else value in values


CONSENT_ALWAYS, CONSENT_BY_ROOM = 1, 2
"""Values of the setting `recording_consent`. With any other value nobody is asked for consent."""


_SEEN_BY_CLIENTS = frozenset(
    key
    for key, form in SETTINGS.items()
    if isinstance(form, frozenset) or form in (YES_NO, GROUPS, SECONDS, PERMISSIONS)
)


class RoomDefaults(msgspec.Struct, frozen=True):
    """Settings that apply to every room, read once for a whole list of rooms."""

    start_calls: int
    can_delete_one_to_one: bool
    notification_level: int
    can_enable_dial_in: bool


class TalkSettings:
    """The current settings. Parts of the server share one object, so all of them see a change at once."""

    def __init__(self) -> None:
        self._values: Mapping[str, str] = {}
        self.changes = 0
        """Number of calls of `put`. If it changes while settings are read, what was read is outdated."""

    def replace(self, values: Mapping[str, str]) -> None:
        """Replace all settings."""
        self._values = values

    def put(self, key: str, value: str | None) -> None:
        """Change one setting; None removes it."""
        values = {**self._values, key: value or ""}
        if value is None:
            del values[key]
        self._values = values
        self.changes += 1

    def text(self, key: str) -> str:
        """Return a setting as text."""
        return self._values.get(key, DEFAULTS.get(key, ""))

    def number(self, key: str) -> int:
        """Return a setting as a number, or its default if it is not a number."""
        try:
            return int(self.text(key))
        except ValueError:
            return int(DEFAULTS.get(key, 0))

    def flag(self, key: str) -> bool:
        """Return True if a setting says yes. Clients and tools write "yes", "1", "true" or "on"."""
        return self.text(key).lower() in SAYS_YES

    def groups(self, key: str) -> list[str]:
        """Return the group ids of a setting that is a JSON list. An empty list means everybody."""
        try:
            return _GROUP_IDS.decode(self._values.get(key) or "[]")
        except UNREADABLE:
            return []

    @property
    def seen_by_clients(self) -> dict[str, str]:
        """Return the settings that change what clients see. Texts are left out, because they may contain secrets."""
        return {key: self._values[key] for key in sorted(_SEEN_BY_CLIENTS) if key in self._values}

    @property
    def room_defaults(self) -> RoomDefaults:
        """Return the settings that apply to every room. By default members are notified of mentions."""
        return RoomDefaults(
            self.start_calls,
            self.can_delete_one_to_one,
            self.number("default_group_notification"),
            self.can_dial_in,
        )

    @property
    def allowed_groups(self) -> list[str]:
        """Return the groups that may use Talk; empty means everybody."""
        return self.groups(ALLOWED_GROUPS)

    @property
    def start_conversations(self) -> list[str]:
        """Return the groups that may create group and public rooms; empty means everybody."""
        return self.groups("start_conversations")

    @property
    def has_breakout_rooms(self) -> bool:
        """Return True if rooms can have breakout rooms."""
        return self.flag("breakout_rooms")

    @property
    def has_changelog(self) -> bool:
        """Return True if new users get a changelog room."""
        return self.flag("changelog")

    @property
    def force_passwords(self) -> bool:
        """Return True if public rooms must have a password."""
        return self.flag("force_passwords")

    @property
    def recording_consent(self) -> int:
        """Return who is asked for consent to recording: 0 nobody, 1 everybody, 2 each room decides."""
        consent = self.number("recording_consent")
        return consent if consent in (CONSENT_ALWAYS, CONSENT_BY_ROOM) else 0

    @property
    def recording_servers(self) -> list[RecordingServer]:
        """Return the servers that can record calls."""
        found = parse_recording_servers(self.text("recording_servers"))
        return found.servers if found is not None else []

    @property
    def recording_server(self) -> RecordingServer | None:
        """Return the server that records calls: the first one. None if calls cannot be recorded."""
        can_record = self.recording_secret and self.flag("call_recording")
        return next(iter(self.recording_servers), None) if can_record else None

    def can_record(self, *, has_sockets: bool) -> bool:
        """Return True if calls can be recorded: the recording server needs signaling by sockets, ours or external."""
        return self.recording_server is not None and (has_sockets or bool(self.signaling.servers))

    @property
    def recording_secret(self) -> str:
        """Return the secret shared with the recording servers, or "" if there is none."""
        found = parse_recording_servers(self.text("recording_servers"))
        return found.secret if found is not None else ""

    @property
    def can_dial_out(self) -> bool:
        """Return True if a SIP bridge can call phone numbers."""
        return bool(self.sip_secret) and self.flag("sip_dialout")

    @property
    def can_dial_in(self) -> bool:
        """Return True if there is a SIP bridge with a phone number to dial in."""
        return bool(self.sip_secret and self.text("sip_bridge_dialin_info"))

    @property
    def dial_in_info(self) -> str:
        """Return how people dial in, or "" if they cannot."""
        return self.text("sip_bridge_dialin_info") if self.can_dial_in else ""

    @property
    def sip_secret(self) -> str:
        """Return the secret shared with the SIP bridge, or "" if there is no bridge."""
        return self.text("sip_bridge_shared_secret")

    @property
    def start_calls(self) -> int:
        """Return who may start calls: 0 everyone, 1 users, 2 moderators, 3 nobody."""
        return self.number("start_calls")

    @property
    def everyone_may_ring(self) -> bool:
        """Return True if everybody who may start calls may ring, not only moderators (docs/api/call-api-v4.md)."""
        return self.flag("everyone_may_ring")

    @property
    def can_delete_one_to_one(self) -> bool:
        """Return True if a user may delete a one-to-one room for both users."""
        return self.flag("delete_one_to_one_conversations")

    @property
    def max_call_duration(self) -> int:
        """Return the seconds after which calls end; 0 for never."""
        return parse_number(self.text("max_call_duration"), MAX_SECONDS) or 0

    @property
    def default_permissions(self) -> int:
        """Return the default permissions of new rooms; 0 for all permissions."""
        return parse_number(self.text("default_permissions"), MAX_CUSTOM_PERMISSIONS) or 0

    @property
    def stun_servers(self) -> list[str] | None:
        """Return the STUN servers as `host:port`, or None if the setting is not set."""
        return parse_stun_servers(self.text("stun_servers")) if self.text("stun_servers") else None

    @property
    def turn_servers(self) -> list[TurnServer] | None:
        """Return the TURN servers, or None if the setting is not set."""
        return parse_turn_servers(self.text("turn_servers")) if self.text("turn_servers") else None

    @property
    def signaling(self) -> SignalingServers:
        """Return the external signaling servers that clients use. Without any, they use the built-in signaling."""
        if self.text("signaling_mode") == "internal":
            return NO_SERVERS
        return parse_signaling_servers(self.text("signaling_servers")) or NO_SERVERS

    @property
    def has_signaling_clusters(self) -> bool:
        """Return True if the signaling servers do not know each other, so that a room must stay on one of them."""
        return self.text("signaling_mode") == CLUSTERS

    @property
    def hides_signaling_warning(self) -> bool:
        """Return True if clients do not warn about calls without a signaling server."""
        return self.flag("hide_signaling_warning")
