"""The settings of the app `spreed` that administrators change while the server runs.

They are texts in the database under Talk's own names; `everyone_may_ring` is talkd's own.
"""

from collections.abc import Mapping

import msgspec

from talkd.conversation.setting_values import (
    GROUPS,
    MAX_SECONDS,
    PERMISSIONS,
    SAYS_YES,
    SECONDS,
    SETTINGS,
    YES_NO,
    TurnServer,
    parse_number,
    parse_stun_servers,
    parse_turn_servers,
)
from talkd.core.constants import MAX_CUSTOM_PERMISSIONS, NotificationLevel

APP = "spreed"
CORE = "core"
APPS = (CORE, APP)
"""Whose settings may be changed."""
ALLOWED_GROUPS = "allowed_groups"
"""The setting that names the groups that Talk is for."""

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
"""What users choose for themselves, and the values there are; None for any short text."""
MAX_PREFERENCE_LENGTH = 512


def is_preference(key: str, value: str) -> bool:
    """Whether a user may choose that (api-surface.md, settings)."""
    if key not in PREFERENCES:
        return False
    values = PREFERENCES[key]
    return len(value) <= MAX_PREFERENCE_LENGTH if values is None else value in values


CONSENT_ALWAYS, CONSENT_BY_ROOM = 1, 2
"""Values of the setting `recording_consent`; every other means that nobody is asked."""


_SEEN_BY_CLIENTS = frozenset(
    key
    for key, form in SETTINGS.items()
    if isinstance(form, frozenset) or form in (YES_NO, GROUPS, SECONDS, PERMISSIONS)
)


class RoomDefaults(msgspec.Struct, frozen=True):
    """What the settings say of every room; read once for a whole list of them."""

    start_calls: int
    can_delete_one_to_one: bool
    notification_level: int


class TalkSettings:
    """A view of the current settings. `replace` swaps what is behind it, so holders never look at old ones."""

    def __init__(self) -> None:
        self._values: Mapping[str, str] = {}
        self.changes = 0
        """How many settings were put. While it stays, settings that were read are not older than these."""

    def replace(self, values: Mapping[str, str]) -> None:
        """From now on these are the settings."""
        self._values = values

    def put(self, key: str, value: str | None) -> None:
        """One setting has changed; None is back to the default."""
        values = {**self._values, key: value or ""}
        if value is None:
            del values[key]
        self._values = values
        self.changes += 1

    def text(self, key: str, default: str = "") -> str:
        """A setting as text."""
        return self._values.get(key, default)

    def number(self, key: str, default: int = 0) -> int:
        """A setting as number; the default when it is none."""
        try:
            return int(self._values.get(key, ""))
        except ValueError:
            return default

    def flag(self, key: str, default: bool = False) -> bool:
        """A setting as yes or no; clients and tools write yes, 1 and true."""
        value = self._values.get(key)
        return default if value is None else value.lower() in SAYS_YES

    def groups(self, key: str) -> list[str]:
        """A setting that is a JSON list of group ids; empty means everybody."""
        try:
            return msgspec.json.decode(self._values.get(key) or "[]", type=list[str])
        except msgspec.DecodeError:
            return []

    @property
    def seen_by_clients(self) -> dict[str, str]:
        """The settings that change what clients see, by key. Texts are left out because they may hold secrets."""
        return {key: self._values[key] for key in sorted(_SEEN_BY_CLIENTS) if key in self._values}

    @property
    def room_defaults(self) -> RoomDefaults:
        """What the settings say of every room. Without a choice of his own, a member hears of mentions."""
        return RoomDefaults(
            self.start_calls,
            self.can_delete_one_to_one,
            self.number("default_group_notification", NotificationLevel.MENTION),
        )

    @property
    def allowed_groups(self) -> list[str]:
        """Who may use Talk at all; empty means everybody."""
        return self.groups(ALLOWED_GROUPS)

    @property
    def start_conversations(self) -> list[str]:
        """Who may make group conversations; empty means everybody."""
        return self.groups("start_conversations")

    @property
    def has_breakout_rooms(self) -> bool:
        """Whether conversations can be divided."""
        return self.flag("breakout_rooms", True)

    @property
    def has_changelog(self) -> bool:
        """Whether newcomers find a conversation that tells what is new."""
        return self.flag("changelog", True)

    @property
    def force_passwords(self) -> bool:
        """Whether conversations that guests may join need a password."""
        return self.flag("force_passwords")

    @property
    def recording_consent(self) -> int:
        """Who is asked for consent to being recorded: 0 nobody, 1 everybody, 2 each conversation decides."""
        consent = self.number("recording_consent")
        return consent if consent in (CONSENT_ALWAYS, CONSENT_BY_ROOM) else 0

    @property
    def can_dial_out(self) -> bool:
        """Whether there is a bridge to the telephone network that calls people."""
        return bool(self.sip_secret) and self.flag("sip_dialout")

    @property
    def can_dial_in(self) -> bool:
        """Whether there is a bridge to the telephone network, with a number that people can call."""
        return bool(self.sip_secret and self.text("sip_bridge_dialin_info"))

    @property
    def sip_secret(self) -> str:
        """The secret shared with the bridge to the telephone network; empty when there is none."""
        return self.text("sip_bridge_shared_secret")

    @property
    def start_calls(self) -> int:
        """Who may start calls: 0 everyone, 1 users, 2 moderators, 3 nobody."""
        return self.number("start_calls", 0)

    @property
    def everyone_may_ring(self) -> bool:
        """Whether all who may start calls may ring others, and not only moderators (docs/api/seed-002.md)."""
        return self.flag("everyone_may_ring")

    @property
    def can_delete_one_to_one(self) -> bool:
        """Whether one-to-one conversations may be deleted for both."""
        return self.flag("delete_one_to_one_conversations")

    @property
    def max_call_duration(self) -> int:
        """Seconds after which calls end; 0 for never."""
        return parse_number(self.text("max_call_duration"), MAX_SECONDS) or 0

    @property
    def default_permissions(self) -> int:
        """What members of new group conversations may do; 0 for everything."""
        return parse_number(self.text("default_permissions"), MAX_CUSTOM_PERMISSIONS) or 0

    @property
    def stun_servers(self) -> list[str] | None:
        """STUN servers as `host:port`; None if the setting is not set."""
        return parse_stun_servers(self.text("stun_servers")) if self.text("stun_servers") else None

    @property
    def turn_servers(self) -> list[TurnServer] | None:
        """TURN servers; None if the setting is not set."""
        return parse_turn_servers(self.text("turn_servers")) if self.text("turn_servers") else None

    @property
    def hides_signaling_warning(self) -> bool:
        """Whether clients do not warn of calls without a signaling server."""
        return self.flag("hide_signaling_warning")
