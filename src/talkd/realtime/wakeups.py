"""Which topics an event publishes after the commit. Requests that watch them are woken and read again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from talkd.conversation.settings import ALLOWED_GROUPS
from talkd.core import events
from talkd.core.events import Event
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

Topics = Iterable[str]


def _chat(event: events.MessagePosted) -> Topics:
    return (room_topic(event.room_id),)


def _rules(event: events.RoomEvent) -> Topics:
    return (rules_topic(event.room_id),)


def _sessions(event: events.RoomEvent) -> Topics:
    return (call_topic(event.room_id),)


def _sessions_and_rules(event: events.RoomEvent) -> Topics:
    return call_topic(event.room_id), rules_topic(event.room_id)


def _sessions_and_attendee(event: events.ModeratorPromoted | events.ModeratorDemoted | events.PermissionsSet) -> Topics:
    return call_topic(event.room_id), attendee_topic(event.attendee_id)


def _session_left(event: events.SessionLeft) -> Topics:
    return call_topic(event.room_id), attendee_topic(event.attendee_id), session_topic(event.session_id)


def _attendee_removed(event: events.AttendeeRemoved) -> Topics:
    return call_topic(event.room_id), attendee_topic(event.attendee_id), *map(session_topic, event.session_ids)


def _room_deleted(event: events.RoomDeleted) -> Topics:
    attendees, sessions = map(attendee_topic, event.attendee_ids), map(session_topic, event.session_ids)
    return call_topic(event.room_id), *attendees, *sessions


def _recipient(event: events.SignalingSent) -> Topics:
    return (session_topic(event.recipient),)


def _login(event: events.CachesOutdated | events.GroupMemberRemoved) -> Topics:
    return (login_topic(event.user_id),) if event.user_id else ()


def _logins(event: events.SettingSet) -> Topics:
    return (LOGINS,) if event.key == ALLOWED_GROUPS else ()


CHANGES_OF_SESSIONS: Mapping[type[Event], Callable[[Any], Topics]] = {
    events.SessionJoined: _sessions,
    events.SessionLeft: _session_left,
    events.CallStarted: _sessions,
    events.CallJoined: _sessions,
    events.CallFlagsSet: _sessions,
    events.CallLeft: _sessions,
    events.CallEnded: _sessions,
    events.GuestRenamed: _sessions,
    events.ModeratorPromoted: _sessions_and_attendee,
    events.ModeratorDemoted: _sessions_and_attendee,
    events.PermissionsSet: _sessions_and_attendee,
    events.DefaultPermissionsSet: _sessions_and_rules,
    events.AttendeeRemoved: _attendee_removed,
    events.ReadOnlySet: _sessions,
    events.RoomDeleted: _room_deleted,
}
"""After these events, a room's list of sessions looks different."""

WAKES: Mapping[type[Event], Callable[[Any], Topics]] = {
    **CHANGES_OF_SESSIONS,
    events.MessagePosted: _chat,
    events.LobbySet: _rules,
    events.LobbyTimerReached: _rules,
    events.BreakoutRoomsStarted: _rules,
    events.BreakoutRoomsStopped: _rules,
    events.SignalingSent: _recipient,
    events.CachesOutdated: _login,
    events.GroupMemberRemoved: _login,
    events.SettingSet: _logins,
}

WAKES_NOBODY: frozenset[type[Event]] = frozenset(
    {
        # accounts: what changes in rooms is an event of its own
        events.ReadPrivacySet,
        events.AttemptCounted,
        events.AttemptsForgotten,
        events.UserRenamed,
        events.UserDeleted,
        events.GroupMemberAdded,
        events.GroupRenamed,
        events.GroupDeleted,
        # shown in lists of rooms or notifications, which clients read every few seconds
        events.RecordingConsentSet,
        events.MentionPermissionsSet,
        events.AssistanceSet,
        events.DialInSet,
        events.CallRung,
        events.CallRecordingSet,
        events.RecordingStored,
        events.RecordingDismissed,
        events.Notified,
        # the area `chat` wakes those who wait for the common read marker (`markers.py`)
        events.ReadMarkerMoved,
        # messages about them are changed by the reactions to these events
        events.FileChanged,
        events.FileDescribed,
        events.FilesRemoved,
        events.SharedFileChanged,
        # mail
        events.InvitationsPlanned,
        events.InvitationRepeated,
        # the service also posts a system message, which wakes requests
        events.MessageEdited,
        events.MessageDeleted,
        events.HistoryCleared,
        # as on the real server (docs/api/compatibility.md, Chat)
        events.ReactionAdded,
        events.ReactionRevoked,
    }
)
"""Events that wake nobody themselves.

Every event is either here, or in `WAKES`, or reported by a system message, which wakes requests.
"""


def wake(changes: Changes, happened: Sequence[Event]) -> None:
    """Publish the topics of all events of a commit at once, so that nobody is woken twice for one commit."""
    topics: set[str] = set()
    for event in happened:
        find = WAKES.get(type(event))
        if find is not None:
            topics.update(find(event))
    changes.publish(topics)
