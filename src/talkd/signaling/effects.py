"""Bring peers what has happened, after the commit."""

from collections.abc import Callable
from typing import Any

from talkd.area import Effects
from talkd.conversation.settings import ALLOWED_GROUPS
from talkd.core import events
from talkd.core.actor import USERS
from talkd.realtime.wakeups import CHANGES_OF_SESSIONS
from talkd.signaling import bridge, messages
from talkd.signaling.announcing import send_to
from talkd.signaling.dispatch import Signaling
from talkd.signaling.properties import PROPERTIES_SET
from talkd.web.call import World

Effect = Callable[[World, Any], None]


def _both(*effects: Effect) -> Effect:
    def run(world: World, event: events.Event) -> None:
        for effect in effects:
            effect(world, event)

    return run


# --- in rooms ---------------------------------------------------------------------------------
def _sessions_changed(world: World, event: events.RoomEvent) -> None:
    signaling = world[Signaling]
    room = signaling.registry.find_room(event.room_id)
    if room is not None:
        signaling.announcer.schedule(room, list_changed=True)


def _session_left(world: World, event: events.SessionLeft) -> None:
    world[Signaling].drop_session(event.session_id)


def _message_posted(world: World, event: events.MessagePosted) -> None:
    signaling = world[Signaling]
    room = signaling.registry.find_room(event.room_id)
    if room is not None:
        signaling.chat.note(room, event.message_id)
    signaling.room_news.note(event.room_id)


def _reaction_changed(world: World, event: events.ReactionAdded | events.ReactionRevoked) -> None:
    signaling = world[Signaling]
    room = signaling.registry.find_room(event.room_id)
    if room is not None:
        signaling.chat.note(room, event.entry_id)


def _polled_message(world: World, event: events.SignalingSent) -> None:
    signaling = world[Signaling]
    peer = signaling.registry.find_by_session(event.recipient)
    if peer is not None and peer.room is not None:
        signaling.spawn(bridge.bring_messages(signaling, peer.room.id, event.recipient))


def _call_left(world: World, event: events.CallLeft) -> None:
    world[Signaling].release_media(event.session_id)


def _call_ended(world: World, event: events.CallEnded) -> None:
    for session_id in event.session_ids:
        world[Signaling].release_media(session_id)
    room = world[Signaling].registry.find_room(event.room_id)
    if room is not None and event.for_everyone:
        content = {"roomid": room.token, "incall": 0, "all": True}
        send_to(room.list_present(), messages.event("participants", "update", content))


def _recording_set(world: World, event: events.CallRecordingSet) -> None:
    room = world[Signaling].registry.find_room(event.room_id)
    if room is not None:
        data = {"type": "recording", "recording": {"status": event.new}}
        send_to(room.list_present(), messages.event("room", "message", {"roomid": room.token, "data": data}))


def _breakout_rooms_started(world: World, event: events.BreakoutRoomsStarted) -> None:
    parent = world[Signaling].registry.find_room(event.parent_id)
    if parent is not None:
        called = set(event.user_ids)
        send_to([peer for peer in parent.list_present() if peer.user_id in called], _switch_to(event.token))


def _breakout_rooms_stopped(world: World, event: events.BreakoutRoomsStopped) -> None:
    room = world[Signaling].registry.find_room(event.room_id)
    if room is not None:
        send_to(list(room.members.values()), _switch_to(event.parent_token))


def _switch_to(token: str) -> bytes:
    return messages.event("room", "switchto", {"roomid": token})


# --- in lists of rooms --------------------------------------------------------------------------
def _room_changed(world: World, event: events.RoomEvent) -> None:
    world[Signaling].room_list.note_change(event.room_id)


def _participants_changed(world: World, event: events.RoomEvent) -> None:
    world[Signaling].room_list.note_participants(event.room_id)


def _attendee_added(world: World, event: events.AttendeeAdded) -> None:
    _participants_changed(world, event)
    if event.target.type == USERS:
        world[Signaling].room_list.note_invited(event.room_id, event.target.id)


def _attendee_removed(world: World, event: events.AttendeeRemoved) -> None:
    signaling = world[Signaling]
    reason = "" if event.actor.is_same(event.target.type, event.target.id) else "removed"
    if event.target.type == USERS:
        signaling.room_list.tell_removed(event.room_id, event.token, event.target.id, reason)
    _drop_sessions(signaling, event.session_ids, event.token, reason, told={event.target.id})
    _participants_changed(world, event)


def _room_deleted(world: World, event: events.RoomDeleted) -> None:
    signaling = world[Signaling]
    for user_id in event.user_ids:
        signaling.room_list.tell_removed(event.room_id, event.token, user_id, "deleted")
    _drop_sessions(signaling, event.session_ids, event.token, "deleted", told=set(event.user_ids))


def _drop_sessions(signaling: Signaling, session_ids: tuple[str, ...], token: str, reason: str, told: set[str]) -> None:
    """Take the peers of these sessions out of the room. Guests are not in `told` and learn the reason here."""
    for session_id in session_ids:
        peer = signaling.registry.find_by_session(session_id)
        if peer is not None and peer.user_id not in told:
            peer.send(messages.event("roomlist", "disinvite", {"roomid": token, "reason": reason}))
        signaling.drop_session(session_id)


# --- logins -------------------------------------------------------------------------------------
def _login_changed(world: World, event: events.CachesOutdated | events.GroupMemberRemoved) -> None:
    world[Signaling].check_logins(event.user_id)


def _setting_changed(world: World, event: events.SettingSet) -> None:
    if event.key == ALLOWED_GROUPS:
        world[Signaling].check_logins("")


AFTER_COMMIT: Effects = {
    **dict.fromkeys(PROPERTIES_SET, _room_changed),
    **dict.fromkeys(CHANGES_OF_SESSIONS, _sessions_changed),
    events.SessionLeft: _both(_session_left, _sessions_changed),
    events.CallStarted: _both(_sessions_changed, _room_changed),
    events.CallLeft: _both(_call_left, _sessions_changed),
    events.CallEnded: _both(_call_ended, _sessions_changed, _room_changed),
    events.CallRecordingSet: _both(_recording_set, _room_changed),
    events.LobbySet: _both(_sessions_changed, _room_changed),
    events.LobbyTimerReached: _both(_sessions_changed, _room_changed),
    events.BreakoutRoomsStarted: _both(_breakout_rooms_started, _sessions_changed, _room_changed),
    events.BreakoutRoomsStopped: _both(_breakout_rooms_stopped, _sessions_changed, _room_changed),
    events.ReadOnlySet: _both(_sessions_changed, _room_changed),
    events.DefaultPermissionsSet: _both(_sessions_changed, _room_changed),
    events.MessagePosted: _message_posted,
    events.ReactionAdded: _reaction_changed,
    events.ReactionRevoked: _reaction_changed,
    events.SignalingSent: _polled_message,
    **dict.fromkeys(
        (events.ModeratorPromoted, events.ModeratorDemoted, events.PermissionsSet, events.GuestRenamed),
        _both(_sessions_changed, _participants_changed),
    ),
    events.AttendeeAdded: _attendee_added,
    events.AttendeeRemoved: _both(_attendee_removed, _sessions_changed),
    events.RoomDeleted: _room_deleted,
    events.CachesOutdated: _login_changed,
    events.GroupMemberRemoved: _login_changed,
    events.SettingSet: _setting_changed,
}
