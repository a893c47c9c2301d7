"""Announcements: what one process tells the others, and how far this process has followed them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from talkd.core.events import Event, list_kinds
from talkd.core.log import Log

log = Log(__name__)


class Announcement(msgspec.Struct, frozen=True):
    """What another process has stored: the events of a command's transaction, or messages that its bus did not take."""

    id: int
    events: tuple[Any, ...]
    parcels: list[bytes]


class Followed:
    """How far this process has followed the changes of other processes."""

    def __init__(self) -> None:
        self.announcement = 0
        """Id of the newest announcement that was followed."""


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in list_kinds(Event)}

encode_parcels = msgspec.msgpack.Encoder().encode
decode_parcels = msgspec.msgpack.Decoder(list[bytes]).decode
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]]).decode


def encode(events: Iterable[Any]) -> bytes:
    """Return events as JSON: a list of pairs of name and content."""
    return _encode([(type(event).__name__, event) for event in events])


def decode(text: str | bytes) -> tuple[Any, ...]:
    """Return the events of a text. Unknown events, of another version of talkd, are left out and logged."""
    events = []
    for name, content in _decode(text):
        try:
            events.append(msgspec.json.decode(content, type=KINDS[name]))
        except (KeyError, msgspec.ValidationError):
            log.warning("unknown_event", event_name=name)
    return tuple(events)
