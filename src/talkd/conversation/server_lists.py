"""Settings that are lists of servers: the parts of their entries, what is wrong with them, and masked secrets."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo

from talkd.conversation.setting_values import (
    MASK,
    RECORDERS,
    SECRET_PARTS,
    SIGNALING,
    STUN,
    TURN,
    RecordingServers,
    StunServer,
    TurnServer,
    is_host_and_port,
    is_web_address,
)
from talkd.conversation.signaling_servers import SignalingServer, SignalingServers
from talkd.core.json import UNREADABLE

SECRET = "secret"
TYPES: Mapping[str, Any] = {
    STUN: list[StunServer],
    TURN: list[TurnServer],
    SIGNALING: SignalingServers,
    RECORDERS: RecordingServers,
}
"""The types of the settings of each form: a list, or a struct of a list and what its entries have in common."""


class Part(msgspec.Struct, frozen=True):
    """A part of an entry. `kind` is `text`, `secret`, `yes or no`, or `some`: choices, separated by commas."""

    name: str
    """Its field, or empty if the entry is a text."""
    kind: str
    choices: tuple[str, ...]
    default: str
    example: str


class Layout(msgspec.Struct, frozen=True):
    """What a list of servers consists of."""

    field: str
    """The field with the list, or empty if the value is the list itself."""
    parts: list[Part]
    common: list[Part]
    """The parts beside the list, which all entries share."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a part of an entry. `entry` is its position, or None for a part that all share."""

    entry: int | None
    part: str
    reason: str


def find_layout(form: str) -> Layout | None:
    """Return the layout of the settings of this form, or None if they are no lists of servers."""
    kind = TYPES.get(form)
    if kind is None:
        return None
    if get_origin(kind) is list:
        return Layout("", _parts_of(*get_args(kind)), [])
    fields = msgspec.structs.fields(kind)
    [listed] = [each for each in fields if get_origin(each.type) is list]
    return Layout(listed.name, _parts_of(*get_args(listed.type)), [_part_of(each) for each in fields if each != listed])


def _parts_of(kind: Any) -> list[Part]:
    if get_origin(kind) is Annotated:
        return [_part("", kind, "")]
    return [_part_of(each) for each in msgspec.structs.fields(kind)]


def _part_of(field: FieldInfo) -> Part:
    default = "" if field.default is NODEFAULT else field.default
    return _part(field.name, field.type, ("yes" if default else "no") if isinstance(default, bool) else default)


def _part(name: str, kind: Any, default: str) -> Part:
    meta = get_args(kind)[1] if get_origin(kind) is Annotated else msgspec.Meta()
    choices = (meta.extra or {}).get("some", ())
    word = "secret" if name == SECRET else "yes or no" if kind is bool else "some" if choices else "text"
    return Part(name, word, choices, default, (meta.examples or [""])[0])


def _are_some_of(*choices: str) -> Callable[[str], bool]:
    return lambda text: set(text.split(",")) <= set(choices)


_HOST, _SOME = "write a host with a port, like {}", "choose at least one"
_CHECKS: Mapping[tuple[str, str], tuple[Callable[[str], bool], str]] = {
    (STUN, ""): (is_host_and_port, _HOST.format("stun.example.org:3478")),
    (TURN, "server"): (is_host_and_port, _HOST.format("turn.example.org:3478")),
    (TURN, "schemes"): (_are_some_of("turn", "turns"), _SOME),
    (TURN, "protocols"): (_are_some_of("udp", "tcp"), _SOME),
    (RECORDERS, "server"): (is_web_address, "write an address like https://recording.example.org"),
    (SIGNALING, "server"): (
        lambda text: SignalingServer(text).is_possible,
        "write an address like https://signaling.example.org",
    ),
    (SIGNALING, SECRET): (bool, "signaling servers need a secret"),
}
"""For a form and a part, a check of its text, and the reason why others are refused."""


def find_problem(form: str, value: str) -> Problem | None:
    """Return the first part that is wrong, or None if there is none or the value is no list of servers."""
    layout = find_layout(form)
    try:
        found = msgspec.to_builtins(msgspec.json.decode(value, type=TYPES[form])) if layout else None
    except UNREADABLE:
        return None
    if layout is None or not found:
        return None
    entries = found[layout.field] if layout.field else found
    places = [(number, part, entry) for number, entry in enumerate(entries) for part in layout.parts]
    for number, part, entry in [*places, *((None, part, found) for part in layout.common if entries)]:
        is_possible, reason = _CHECKS.get((form, part.name), (None, ""))
        if is_possible is not None and not is_possible(entry[part.name] if part.name else entry):
            return Problem(number, part.name, reason)
    return None


def with_kept_secrets(key: str, value: str, stored: str) -> str:
    """Return the value with the stored secrets where it has MASK: that of the same server, or what all share.

    So a list can be changed by those who cannot see its secrets. Where none is stored, MASK stays, and is refused.
    """
    if key not in SECRET_PARTS or MASK not in value:
        return value
    try:
        new, old = msgspec.json.decode(value), msgspec.json.decode(stored or "[]")
    except UNREADABLE:
        return value
    if isinstance(new, list) and isinstance(old, list):
        new = [_with_secret(entry, _find_same(entry, number, old)) for number, entry in enumerate(new)]
    return msgspec.json.encode(_with_secret(new, old)).decode()


def _find_same(entry: Any, number: int, old: list[Any]) -> Any:
    """Return the stored entry with the server of an entry: that at its position, if several have it."""
    server = entry.get("server") if isinstance(entry, dict) else None
    same = [
        each for each in [*old[number : number + 1], *old] if isinstance(each, dict) and each.get("server") == server
    ]
    return same[0] if same else None


def _with_secret(new: Any, old: Any) -> Any:
    if isinstance(new, dict) and isinstance(old, dict) and new.get(SECRET) == MASK and old.get(SECRET):
        return {**new, SECRET: old[SECRET]}
    return new
