"""Bring peers what has happened, after the commit."""

from talkd.area import Effects
from talkd.conversation.settings import ALLOWED_GROUPS
from talkd.core import events
from talkd.realtime.wakeups import CHANGES_OF_SESSIONS
from talkd.signaling import bridge, messages
from talkd.signaling.announcing import send_to
from talkd.signaling.dispatch import Signaling
from talkd.web.call import World


def _list_changed(world: World, event: events.RoomEvent) -> None:
    signaling = world[Signaling]
    room = signaling.registry.find_room(event.room_id)
    if room is not None:
        signaling.announcer.schedule(room, list_changed=True)


def _session_left(world: World, event: events.SessionLeft) -> None:
    world[Signaling].drop_session(event.session_id)
    _list_changed(world, event)


def _sessions_removed(world: World, event: events.AttendeeRemoved | events.RoomDeleted) -> None:
    signaling = world[Signaling]
    for session_id in event.session_ids:
        signaling.drop_session(session_id, reason="kicked")
    _list_changed(world, event)


def _message_posted(world: World, event: events.MessagePosted) -> None:
    signaling = world[Signaling]
    room = signaling.registry.find_room(event.room_id)
    if room is not None:
        signaling.chat.note(room, event.message_id)


def _polled_message(world: World, event: events.SignalingSent) -> None:
    signaling = world[Signaling]
    if signaling.registry.find_by_session(event.recipient) is not None:
        signaling.spawn(bridge.bring_messages(signaling, event.recipient))


def _call_ended(world: World, event: events.CallEnded) -> None:
    signaling = world[Signaling]
    room = signaling.registry.find_room(event.room_id)
    if room is not None:
        if event.for_everyone:
            content = {"roomid": room.token, "incall": 0, "all": True}
            send_to(room.list_present(), messages.event("participants", "update", content))
        signaling.announcer.schedule(room, list_changed=True)


def _login_changed(world: World, event: events.CachesOutdated | events.GroupMemberRemoved) -> None:
    world[Signaling].check_logins(event.user_id)


def _setting_changed(world: World, event: events.SettingSet) -> None:
    if event.key == ALLOWED_GROUPS:
        world[Signaling].check_logins("")


AFTER_COMMIT: Effects = {
    **dict.fromkeys(CHANGES_OF_SESSIONS, _list_changed),
    events.LobbySet: _list_changed,
    events.LobbyTimerReached: _list_changed,
    events.BreakoutRoomsStarted: _list_changed,
    events.BreakoutRoomsStopped: _list_changed,
    events.SessionLeft: _session_left,
    events.AttendeeRemoved: _sessions_removed,
    events.RoomDeleted: _sessions_removed,
    events.SignalingSent: _polled_message,
    events.MessagePosted: _message_posted,
    events.CallEnded: _call_ended,
    events.CachesOutdated: _login_changed,
    events.GroupMemberRemoved: _login_changed,
    events.SettingSet: _setting_changed,
}
