"""Drop cached messages and read markers after the commit of a change."""

from typing import Any

from talkd.area import Effects
from talkd.areas.chat.feed import Feed
from talkd.areas.chat.markers import Markers
from talkd.core import events
from talkd.web.call import World


def _forget_room(world: World, event: Any) -> None:
    world[Feed].forget(event.room_id)


def _forget_changed_room(world: World, event: Any) -> None:
    world[Feed].forget(event.room_id)
    world[Feed].note_change(event.room_id)


def _forget_common_read(world: World, event: Any) -> None:
    world[Feed].forget_common_read(event.room_id)


def _marker_moved(world: World, event: events.ReadMarkerMoved) -> None:
    world[Markers].note(event.room_id)


def _forget_all(world: World, _event: events.Event) -> None:
    world[Feed].clear()


AFTER_COMMIT: Effects = {
    events.MessagePosted: _forget_room,
    events.MessageEdited: _forget_changed_room,
    events.MessageDeleted: _forget_changed_room,
    events.HistoryCleared: _forget_changed_room,
    events.SharedFileChanged: _forget_changed_room,
    events.ReactionAdded: _forget_changed_room,
    events.ReactionRevoked: _forget_changed_room,
    events.GuestRenamed: _forget_changed_room,
    events.RoomDeleted: _forget_changed_room,
    events.ReadMarkerMoved: _marker_moved,
    events.AttendeeAdded: _forget_common_read,
    events.AttendeeRemoved: _forget_common_read,
    events.UserRenamed: _forget_all,
    events.UserDeleted: _forget_all,
    events.GroupRenamed: _forget_all,
    events.ReadPrivacySet: _forget_all,
    events.CachesOutdated: _forget_all,
}
