"""The settings that administrators can change, and the form of their values.

Each of them has the effect that Talk's documentation describes, except `everyone_may_ring`, which is talkd's own. All
other settings are refused.
"""

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from talkd.conversation.signaling_servers import parse_signaling_servers
from talkd.core.characters import is_text
from talkd.core.constants import MAX_CUSTOM_PERMISSIONS
from talkd.core.json import UNREADABLE

GROUPS, YES_NO, TEXT, SECONDS, PERMISSIONS = "groups", "yes or no", "text", "seconds", "permissions"
STUN, TURN, SIGNALING = "STUN servers", "TURN servers", "signaling servers"
RECORDERS = "recording servers"
CLUSTERS = "conversation_cluster"
"""The value of `signaling_mode` with which each room stays on the server that it was assigned to."""
SETTINGS: Mapping[str, frozenset[str] | str] = {
    "start_calls": frozenset("0123"),
    "everyone_may_ring": YES_NO,
    "max_call_duration": SECONDS,
    "start_conversations": GROUPS,
    "allowed_groups": GROUPS,
    "default_permissions": PERMISSIONS,
    "default_group_notification": frozenset("123"),
    "delete_one_to_one_conversations": YES_NO,
    "force_passwords": YES_NO,
    "breakout_rooms": YES_NO,
    "changelog": YES_NO,
    "recording_consent": frozenset("012"),
    "call_recording": YES_NO,
    "recording_servers": RECORDERS,
    "stun_servers": STUN,
    "turn_servers": TURN,
    "signaling_servers": SIGNALING,
    "signaling_mode": frozenset({"internal", "external", CLUSTERS}),
    "hide_signaling_warning": YES_NO,
    "sip_bridge_shared_secret": TEXT,
    "sip_bridge_dialin_info": TEXT,
    "sip_dialout": YES_NO,
    "sip_bridge_groups": GROUPS,
    "minimum.supported.android.version": TEXT,
    "minimum.supported.ios.version": TEXT,
    "minimum.supported.desktop.version": TEXT,
}
"""The settings of the app `spreed`, each with its form or its possible values."""
CORE_SETTINGS: Mapping[str, frozenset[str] | str] = {
    "shareapi_allow_share_dialog_user_enumeration": YES_NO,
    "shareapi_restrict_user_enumeration_to_group": YES_NO,
    "shareapi_restrict_user_enumeration_to_phone": YES_NO,
    "shareapi_restrict_user_enumeration_full_match": YES_NO,
    "shareapi_only_share_with_group_members": YES_NO,
}
"""The settings of the app `core`, which Talk's server has for all its apps."""
DEFAULTS: Mapping[str, str] = {
    "breakout_rooms": "yes",
    "changelog": "yes",
    "call_recording": "yes",
    "default_group_notification": "2",
    "signaling_mode": "external",
    "shareapi_allow_share_dialog_user_enumeration": "yes",
    "shareapi_restrict_user_enumeration_full_match": "yes",
}
"""Settings that have a value as long as they are not set. All others are then no, 0 or empty."""
MASK = "[hidden]"
"""Shown in place of a secret wherever settings are listed."""
SECRET_TEXTS = frozenset({"sip_bridge_shared_secret"})
SECRET_PARTS = frozenset({"recording_servers", "signaling_servers", "turn_servers"})
"""Settings that are secrets, and settings that have secrets in the field `secret` of their JSON."""
PLAIN = (str, int, float, type(None))
SAYS_YES, SAYS_NO = ("yes", "1", "true", "on"), ("no", "0", "false", "off", "")
MAX_SECONDS = 2**31 - 1
MAX_VALUE_LENGTH = 65_536
MAX_KEY_LENGTH = 64
"""Characters of the name of an unknown setting that an error message repeats."""


StunServer = Annotated[str, Meta(examples=["stun.example.org:3478"])]
"""A STUN server in the setting `stun_servers`."""


class TurnServer(msgspec.Struct, frozen=True):
    """A TURN server in the setting `turn_servers`."""

    server: Annotated[str, Meta(examples=["turn.example.org:3478"])]
    secret: str = ""
    schemes: Annotated[str, Meta(extra={"some": ("turn", "turns")})] = "turn"
    """`turn`, `turns` or both, separated by a comma."""
    protocols: Annotated[str, Meta(extra={"some": ("udp", "tcp")})] = "udp,tcp"
    """`udp`, `tcp` or both, separated by a comma."""

    @property
    def is_possible(self) -> bool:
        """Return True if a client can build URLs from the parts."""
        return (
            is_host_and_port(self.server)
            and set(self.schemes.split(",")) <= {"turn", "turns"}
            and set(self.protocols.split(",")) <= {"udp", "tcp"}
        )


class RecordingServer(msgspec.Struct, frozen=True):
    """A recording server in the setting `recording_servers`."""

    server: Annotated[str, Meta(examples=["https://recording.example.org"])]
    verify: bool = True
    """Whether its certificate must be valid."""

    @property
    def address(self) -> str:
        """The URL without a slash at the end."""
        return self.server.rstrip("/")


class RecordingServers(msgspec.Struct, frozen=True):
    """The setting `recording_servers`: the servers, and the secret that they all share with talkd."""

    servers: list[RecordingServer] = []
    secret: str = ""


def is_host_and_port(text: str) -> bool:
    """Return True for `stun.example.org:3478` and `[2001:db8::1]:3478`."""
    host, colon, port = text.rpartition(":")
    is_host = host.startswith("[") if ":" in host else bool(host)
    is_plain = host.isascii() and host.isprintable() and not set(host) & set("/@? ")
    return bool(colon) and is_host and is_plain and port.isdecimal()


def parse_stun_servers(text: str) -> list[str] | None:
    """Return the servers of the setting `stun_servers`; None if it is not a list of `host:port`."""
    try:
        servers = msgspec.json.decode(text or "[]", type=list[str])
    except UNREADABLE:
        return None
    return servers if all(map(is_host_and_port, servers)) else None


def parse_turn_servers(text: str) -> list[TurnServer] | None:
    """Return the servers of the setting `turn_servers`; None if a client could not use one of them."""
    try:
        servers = msgspec.json.decode(text or "[]", type=list[TurnServer])
    except UNREADABLE:
        return None
    return servers if all(server.is_possible for server in servers) else None


def parse_recording_servers(text: str) -> RecordingServers | None:
    """Return the setting `recording_servers`; None if it is not an object with a secret and a list of URLs."""
    try:
        found = msgspec.json.decode(text or "{}", type=RecordingServers)
    except UNREADABLE:
        return None
    return found if all(is_web_address(each.server) for each in found.servers) else None


def is_web_address(text: str) -> bool:
    """Return True for `https://recording.example.org`."""
    scheme, _, rest = text.partition("://")
    return scheme in ("http", "https") and bool(rest) and text.isascii() and text.isprintable() and " " not in text


def parse_number(text: str, most: int) -> int | None:
    """Return the number, 0 for an empty text; None if it is not a number from 0 to `most`."""
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 12 and int(text) <= most else None


def _is_list_of_groups(value: str) -> bool:
    try:
        groups = msgspec.json.decode(value or "[]", type=list[str])
    except UNREADABLE:
        return False
    return all(map(is_text, groups))  # JSON escapes can contain characters that the value itself does not


_TURN_EXAMPLE = '[{"schemes": "turn,turns", "server": "turn.example.org:3478", "secret": "…", "protocols": "udp,tcp"}]'
_RECORDERS_EXAMPLE = '{"servers": [{"server": "https://recording.example.org", "verify": true}], "secret": "…"}'
_SIGNALING_EXAMPLE = '{"servers": [{"server": "https://signaling.example.org", "verify": true}], "secret": "…"}'
_FORMS: Mapping[str, tuple[Callable[[str], bool], str]] = {
    GROUPS: (_is_list_of_groups, 'it is a list of groups like ["staff", "friends"]'),
    YES_NO: (lambda value: value.lower() in SAYS_YES + SAYS_NO, "it is yes or no"),
    TEXT: (lambda _value: True, ""),
    SECONDS: (lambda value: parse_number(value, MAX_SECONDS) is not None, "it is a number of seconds; 0 for no limit"),
    PERMISSIONS: (
        lambda value: parse_number(value, MAX_CUSTOM_PERMISSIONS) is not None,
        f"it is a sum of permissions from 0 to {MAX_CUSTOM_PERMISSIONS}; 0 for all",
    ),
    STUN: (
        lambda value: parse_stun_servers(value) is not None,
        'it is a list of hosts with ports like ["stun.example.org:3478"]',
    ),
    TURN: (
        lambda value: parse_turn_servers(value) is not None,
        f"it is a list like {_TURN_EXAMPLE}",
    ),
    RECORDERS: (
        lambda value: parse_recording_servers(value) is not None,
        f"it is an object like {_RECORDERS_EXAMPLE}",
    ),
    SIGNALING: (
        lambda value: parse_signaling_servers(value) is not None,
        f"it is an object like {_SIGNALING_EXAMPLE}",
    ),
}
"""For each form, a check of values, and the sentence about values that fail it."""


def default_of(key: str, form: frozenset[str] | str) -> str:
    """Return the value that a setting of this form has as long as it is not set."""
    is_number = isinstance(form, frozenset) or form in (SECONDS, PERMISSIONS)
    return DEFAULTS.get(key, "no" if form == YES_NO else "0" if is_number else "")


def masked(key: str, value: str) -> str:
    """Return the value of a setting with MASK in place of each secret."""
    if not value or key not in SECRET_TEXTS | SECRET_PARTS:
        return value
    try:
        parts = MASK if key in SECRET_TEXTS else _without_secrets(msgspec.json.decode(value))
    except UNREADABLE:
        return MASK
    return parts if isinstance(parts, str) else msgspec.json.encode(parts).decode()


def _without_secrets(item: object) -> object:
    """Return a list or object with MASK in place of its secrets. Any other value is replaced as a whole."""
    if isinstance(item, dict):
        return {
            name: MASK if name == "secret" and part else part if isinstance(part, PLAIN) else _without_secrets(part)
            for name, part in item.items()
        }
    return [_without_secrets(part) for part in item] if isinstance(item, list) else MASK


def problem_of(known: Mapping[str, frozenset[str] | str], key: str, value: str) -> str:
    """Return a sentence that says why a setting cannot have this value, or "" if it can."""
    form = known.get(key)
    if form is None:
        return f"talkd has no setting {key[:MAX_KEY_LENGTH]}; it has {', '.join(known)}"
    if MASK in value and key in SECRET_TEXTS | SECRET_PARTS:
        return f"wrong value of {key}: {MASK} stands for a secret that is not shown; write the secret itself"
    if len(value) > MAX_VALUE_LENGTH:
        return f"wrong value of {key}: it is longer than {MAX_VALUE_LENGTH} characters"
    if isinstance(form, frozenset):
        return "" if value in form else f"wrong value of {key}: it is one of {', '.join(sorted(form))}"
    fits, problem = _FORMS[form]
    return "" if fits(value) else f"wrong value of {key}: {problem}"
