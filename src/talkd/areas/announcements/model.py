"""Announcements: events as text for other processes, and how far this process has followed them."""

from collections.abc import Iterable
from typing import Any

import msgspec

from talkd.core.events import Event, list_kinds
from talkd.core.log import Log

log = Log(__name__)


class Announcement(msgspec.Struct, frozen=True):
    """The events of a transaction of another process."""

    id: int
    events: tuple[Any, ...]


class Followed:
    """How far this process has followed the changes of other processes."""

    def __init__(self) -> None:
        self.announcement = 0
        """Id of the newest announcement that was followed."""
        self.epoch = ""
        """The epoch (`settings.service.EPOCH`) that the memory of this process belongs to."""


KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in list_kinds(Event)}


def encode(events: Iterable[Any]) -> str:
    """Return events as JSON: a list of pairs of name and content."""
    return msgspec.json.encode([(type(event).__name__, event) for event in events]).decode()


def decode(text: str) -> tuple[Any, ...]:
    """Return the events of a text. Unknown events, of another version of talkd, are left out and logged."""
    events = []
    for name, content in msgspec.json.decode(text, type=list[tuple[str, msgspec.Raw]]):
        try:
            events.append(msgspec.json.decode(content, type=KINDS[name]))
        except (KeyError, msgspec.ValidationError):
            log.warning("unknown_event", event_name=name)
    return tuple(events)
