"""Rooms as JSON."""

import zlib
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.messages import view as message_view
from talkd.areas.overviews.model import Overview
from talkd.conversation.message import Names
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room, default_notification_level
from talkd.conversation.settings import RoomDefaults
from talkd.core import clock
from talkd.core.constants import NotificationLevel, ParticipantType, Permission, RoomType

UNKNOWN_PICTURE = "0"
"""The avatar version of a room whose name is hidden. The real version would reveal the emoji of the name."""
_ONE_TO_ONE, _NOTE_TO_SELF = int(RoomType.ONE_TO_ONE), int(RoomType.NOTE_TO_SELF)


class RoomView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A room in API v4, as one participant sees it."""

    id: int
    token: str
    type: int
    name: str
    displayName: str
    objectType: str
    objectId: str
    participantType: int
    participantFlags: int
    readOnly: int
    hasPassword: bool
    hasCall: bool
    callStartTime: int
    callRecording: int
    canStartCall: bool
    lastActivity: int
    lastReadMessage: int
    unreadMessages: int
    unreadMention: bool
    unreadMentionDirect: bool
    isFavorite: bool
    canLeaveConversation: bool
    canDeleteConversation: bool
    notificationLevel: int
    notificationCalls: int
    lobbyState: int
    lobbyTimer: int
    lastPing: int
    sessionId: str
    sipEnabled: int
    actorType: str
    actorId: str
    attendeeId: int
    permissions: int
    attendeePermissions: int
    callPermissions: int
    defaultPermissions: int
    canEnableSIP: bool
    attendeePin: str
    description: str
    lastCommonReadMessage: int
    listable: int
    callFlag: int
    messageExpiration: int
    avatarVersion: str
    isCustomAvatar: bool
    breakoutRoomMode: int
    breakoutRoomStatus: int
    recordingConsent: int
    mentionPermissions: int
    isArchived: bool
    isImportant: bool
    isSensitive: bool
    lastMessage: Any = UNSET
    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET
    statusClearAt: int | UnsetType | None = UNSET
    invalidParticipants: dict[str, list[str]] | UnsetType = UNSET


def room(
    overview: Overview,
    defaults: RoomDefaults,
    names: Names,
    *,
    with_last_message: bool = True,
    online: set[str] | None = None,
    missed: dict[str, list[str]] | UnsetType = UNSET,
) -> RoomView:
    """Return a room for one of its participants. In the lobby they see neither its call nor its messages.

    `online`: the users who are online; they get a status in one-to-one rooms.
    """
    me, figures = overview.me, overview.figures
    item, attendee, session = me.room, me.attendee, me.session
    is_one_to_one = item.type == _ONE_TO_ONE
    name = item.partner_of(attendee.actor_id) if is_one_to_one else item.name
    is_online = online is not None and is_one_to_one and name in online
    is_lobby_on, is_inside = item.is_lobby_on, me.can_pass_lobby
    started_at = clock.date_of(item.call_started_at) if is_inside else 0
    last: Any = UNSET
    if with_last_message and overview.last_message is not None and is_inside and not attendee.sensitive:
        last = message_view.message(overview.last_message, item, attendee.actor, names)
    # Positional arguments, in the order of the fields: keyword arguments would take sixty times as long.
    return RoomView(
        item.id,
        item.token,
        item.type,
        name,
        item.name_for(attendee.actor_id, figures.partner_name),
        item.object_type,
        item.object_id,
        attendee.type,
        session.in_call if session else 0,
        item.read_only,
        bool(item.password_hash),
        started_at > 0,
        started_at,
        item.call_recording if is_inside else 0,
        me.can_start_call(defaults.start_calls),
        item.last_activity,
        attendee.last_read,
        figures.unread if is_inside and not me.is_guest else 0,
        is_inside and bool(figures.is_mentioned),
        is_inside and bool(figures.is_mentioned_directly),
        bool(attendee.favorite),
        me.can_leave(defaults.can_delete_one_to_one),
        me.can_delete(defaults.can_delete_one_to_one),
        _notification_level(me, defaults),
        attendee.notification_calls,
        int(is_lobby_on),
        item.lobby_timer if is_lobby_on else 0,
        clock.date_of(session.last_ping) if session else 0,
        session.session_id if session else "0",
        item.sip_enabled,
        attendee.actor_type,
        attendee.actor_id,
        attendee.id,
        me.permissions,
        attendee.permissions,
        item.call_permissions,
        item.default_permissions,
        defaults.can_enable_dial_in and me.is_moderator and not me.is_guest,
        attendee.pin if item.sip_enabled else "",
        item.description,
        figures.common_read if attendee.sees_common_read else 0,
        item.listable,
        item.call_flag if is_inside else 0,
        item.message_expiration,
        avatar_version(item),
        bool(item.avatar) or item.type == _NOTE_TO_SELF,
        item.breakout_mode,
        item.breakout_status if is_inside else 0,
        item.recording_consent,
        item.mention_permissions,
        bool(attendee.archived),
        bool(attendee.important),
        bool(attendee.sensitive),
        last,
        "online" if is_online else UNSET,
        None if is_online else UNSET,
        None if is_online else UNSET,
        None if is_online else UNSET,
        missed,
    )


def seen_by_bridge(item: Room) -> RoomView:
    """Return a room for the telephone bridge, which must know whether people can dial in."""
    return seen_from_outside(item, is_listed=True, shows_object=True, shows_call=True)


def seen_from_outside(
    item: Room, *, is_listed: bool = False, shows_object: bool = False, shows_call: bool = False
) -> RoomView:
    """Return a room for somebody who has not joined it.

    A listed room also shows its name, its description and, unless its lobby is on, its call. `shows_object` adds the id
    of its object: for a breakout room, the token of the parent room. `shows_call` adds the call even with a lobby.
    """
    no_permissions = int(Permission.CUSTOM)
    name = item.name if is_listed else ""
    shows_call = shows_call or (is_listed and not item.is_lobby_on)
    return RoomView(
        id=item.id,
        token=item.token,
        type=item.type,
        name=name,
        displayName=name,
        objectType=item.object_type,
        objectId=item.object_id if shows_object else "",
        participantType=ParticipantType.GUEST,
        participantFlags=0,
        readOnly=item.read_only,
        hasPassword=bool(item.password_hash),
        hasCall=shows_call and item.call_started_at > 0,
        callStartTime=clock.date_of(item.call_started_at) if shows_call else 0,
        callRecording=item.call_recording if shows_call else 0,
        canStartCall=False,
        lastActivity=item.last_activity if is_listed else 0,
        lastReadMessage=0,
        unreadMessages=0,
        unreadMention=False,
        unreadMentionDirect=False,
        isFavorite=False,
        canLeaveConversation=False,
        canDeleteConversation=False,
        notificationLevel=NotificationLevel.NEVER,
        notificationCalls=0,
        lobbyState=int(item.is_lobby_on),
        lobbyTimer=item.lobby_timer if item.is_lobby_on else 0,
        lastPing=0,
        sessionId="0",
        sipEnabled=item.sip_enabled if is_listed else 0,
        actorType="",
        actorId="",
        attendeeId=0,
        permissions=no_permissions,
        attendeePermissions=no_permissions,
        callPermissions=no_permissions,
        defaultPermissions=no_permissions,
        canEnableSIP=False,
        attendeePin="",
        description=item.description if is_listed else "",
        lastCommonReadMessage=0,
        listable=item.listable,
        callFlag=item.call_flag if shows_call else 0,
        messageExpiration=0,
        avatarVersion=avatar_version(item) if is_listed else UNKNOWN_PICTURE,
        isCustomAvatar=is_listed and bool(item.avatar),
        breakoutRoomMode=item.breakout_mode if is_listed else 0,
        breakoutRoomStatus=item.breakout_status if is_listed else 0,
        recordingConsent=item.recording_consent,
        mentionPermissions=0,
        isArchived=False,
        isImportant=False,
        isSensitive=False,
    )


def _notification_level(me: Participant, defaults: RoomDefaults) -> int:
    """Return the participant's notification level, or the default if they chose none. Guests are never notified."""
    if me.is_guest:
        return NotificationLevel.NEVER
    return me.attendee.notification_level or default_notification_level(me.room.type, defaults.notification_level)


def avatar_version(item: Room) -> str:
    """Return the version of the room's avatar. It changes with the image, so clients can cache the image."""
    return f"{item.avatar_version:x}" if item.avatar else _version_of_drawn(item.type, item.emoji_of_name)


@lru_cache(maxsize=1000)
def _version_of_drawn(room_type: int, emoji: str) -> str:
    return f"{room_type}-{zlib.crc32(emoji.encode()):x}-0"
