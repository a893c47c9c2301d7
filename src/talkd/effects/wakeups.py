"""Waking those who wait for what has happened. After the commit."""

from collections.abc import Sequence
from typing import Any

from talkd.areas.chat.feed import Feed
from talkd.areas.signaling.presence import Presence
from talkd.conversation.settings import ALLOWED_GROUPS
from talkd.core import events
from talkd.realtime.changes import (
    LOGINS,
    Changes,
    attendee_topic,
    call_topic,
    login_topic,
    room_topic,
    rules_topic,
    session_topic,
)

_LIST_CHANGES = (
    events.SessionJoined,
    events.SessionLeft,
    events.CallStarted,
    events.CallJoined,
    events.CallFlagsSet,
    events.CallLeft,
    events.CallEnded,
    events.GuestRenamed,
    events.ModeratorPromoted,
    events.ModeratorDemoted,
    events.PermissionsSet,
    events.DefaultPermissionsSet,
    events.AttendeeRemoved,
    events.ReadOnlySet,
    events.RoomDeleted,
)
"""After these a room's list of sessions looks different."""

_CHAT_CHANGES = (
    events.MessagePosted,
    events.MessageEdited,
    events.MessageDeleted,
    events.HistoryCleared,
    events.RoomDeleted,
    events.GuestRenamed,
)
"""After these a room's messages look different."""

_RULES = (
    events.LobbySet,
    events.LobbyTimerReached,
    events.DefaultPermissionsSet,
    events.BreakoutRoomsStarted,
    events.BreakoutRoomsStopped,
)
"""After these a room allows something else to many at once."""


class Wakeups:
    """Forgets what is outdated in memory, then wakes whoever waits for it."""

    def __init__(self, changes: Changes, feed: Feed, presence: Presence) -> None:
        self._changes = changes
        self._feed = feed
        self._presence = presence

    def __call__(self, happened: Sequence[events.Event]) -> None:
        """All events of a commit at once, so that nobody is woken twice for one."""
        topics: set[str] = set()
        for event in happened:
            self._forget(event)
            topics |= self._topics(event)
        self._changes.publish(topics)

    def _forget(self, event: Any) -> None:
        if isinstance(event, _CHAT_CHANGES):
            self._feed.forget(event.room_id)
        elif isinstance(event, events.ReactionAdded | events.ReactionRevoked):
            self._feed.forget(event.room_id)  # but nobody is woken (recording `chat/long-poll-woken`)
        elif isinstance(event, events.ReadMarkerMoved):
            self._feed.forget_markers(event.room_id)
        elif isinstance(event, events.UserRenamed | events.UserDeleted | events.GroupRenamed):
            self._feed.clear()
        if isinstance(event, _LIST_CHANGES):
            self._presence.changed(event.room_id)
        if isinstance(event, events.SessionLeft):
            self._presence.forget(event.session_id)
        elif isinstance(event, events.AttendeeRemoved | events.RoomDeleted):
            for session_id in event.session_ids:
                self._presence.forget(session_id)
        if isinstance(event, events.AttendeeAdded | events.AttendeeRemoved):
            self._feed.forget_markers(event.room_id)

    @staticmethod
    def _topics(event: Any) -> set[str]:
        topics: set[str] = set()
        if isinstance(event, events.MessagePosted | events.ReadMarkerMoved):
            topics.add(room_topic(event.room_id))
        if isinstance(event, _LIST_CHANGES):
            topics.add(call_topic(event.room_id))
        if isinstance(event, events.CachesOutdated | events.GroupMemberRemoved) and event.user_id:
            topics.add(login_topic(event.user_id))
        elif isinstance(event, events.SettingSet) and event.key == ALLOWED_GROUPS:
            topics.add(LOGINS)
        elif isinstance(event, events.SignalingSent):
            topics.add(session_topic(event.recipient))
        elif isinstance(event, events.SessionLeft):
            topics |= {session_topic(event.session_id), attendee_topic(event.attendee_id)}
        elif isinstance(event, events.AttendeeRemoved):
            topics |= {attendee_topic(event.attendee_id), *map(session_topic, event.session_ids)}
        elif isinstance(event, events.ModeratorPromoted | events.ModeratorDemoted | events.PermissionsSet):
            topics.add(attendee_topic(event.attendee_id))
        elif isinstance(event, _RULES):
            topics.add(rules_topic(event.room_id))
        elif isinstance(event, events.RoomDeleted):
            topics |= {*map(attendee_topic, event.attendee_ids), *map(session_topic, event.session_ids)}
        return topics
