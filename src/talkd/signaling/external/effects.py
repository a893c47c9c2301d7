"""Note for external signaling servers what has happened, after the commit."""

from collections.abc import Callable
from typing import Any

from talkd.area import Effects
from talkd.core import events
from talkd.core.actor import USERS
from talkd.signaling.external.news import News
from talkd.signaling.external.notifier import Notifier
from talkd.signaling.properties import PROPERTIES_SET
from talkd.web.call import World

Note = Callable[[News, Any], None]


def _noting(*notes: Note) -> Callable[[World, Any], None]:
    def run(world: World, event: events.RoomEvent) -> None:
        news = world[Notifier].news_of(event.room_id)
        if news is not None:
            for note in notes:
                note(news, event)

    return run


def _room(news: News, _event: events.RoomEvent) -> None:
    news.is_changed = True


def _everybody(news: News, _event: events.RoomEvent) -> None:
    news.list_changed = news.everybody = True


def _attendee(news: News, event: events.PermissionsSet) -> None:
    news.list_changed = True
    news.attendees.add(event.attendee_id)


def _joined(news: News, event: events.SessionJoined) -> None:
    news.list_changed = True
    news.sessions.add(event.session_id)


def _left(news: News, _event: events.SessionLeft) -> None:
    news.list_changed = True


def _in_call(news: News, event: events.CallJoined) -> None:
    news.in_call.add(event.session_id)
    news.call_ended = False


def _call_ended(news: News, event: events.CallEnded) -> None:
    news.in_call.update(event.session_ids)
    news.call_ended = event.for_everyone


def _added(news: News, event: events.AttendeeAdded) -> None:
    if event.target.type == USERS:
        news.invited.add(event.target.id)
        news.removed.discard(event.target.id)


def _removed(news: News, event: events.AttendeeRemoved) -> None:
    news.list_changed = True
    if event.target.type == USERS:
        news.removed.add(event.target.id)
        news.invited.discard(event.target.id)
    else:
        news.removed_sessions.update(event.session_ids)


def _posted(news: News, event: events.MessagePosted) -> None:
    if news.chat_from is None:
        news.chat_from = event.message_id - 1


def _moved(news: News, _event: events.RoomEvent) -> None:
    news.moves = True


def _deleted(news: News, event: events.RoomDeleted) -> None:
    news.token, news.deleted_from = event.token, event.user_ids


AT_ORIGIN: Effects = {
    events.SessionJoined: _noting(_joined),
    events.SessionLeft: _noting(_left),
    events.CallStarted: _noting(_in_call, _room),
    events.CallJoined: _noting(_in_call),
    events.CallFlagsSet: _noting(_in_call),
    events.CallLeft: _noting(_in_call),
    events.CallEnded: _noting(_call_ended, _room),
    events.ModeratorPromoted: _noting(_attendee),
    events.ModeratorDemoted: _noting(_attendee),
    events.PermissionsSet: _noting(_attendee),
    events.GuestRenamed: _noting(_attendee),
    events.DefaultPermissionsSet: _noting(_everybody, _room),
    events.LobbySet: _noting(_everybody, _room),
    events.LobbyTimerReached: _noting(_everybody, _room),
    events.BreakoutRoomsStarted: _noting(_everybody, _room, _moved),
    events.BreakoutRoomsStopped: _noting(_everybody, _room, _moved),
    events.AttendeeAdded: _noting(_added),
    events.AttendeeRemoved: _noting(_removed),
    events.MessagePosted: _noting(_posted),
    events.RoomDeleted: _noting(_deleted),
    **dict.fromkeys(PROPERTIES_SET, _noting(_room)),
}
