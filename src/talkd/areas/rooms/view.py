"""Conversations as JSON."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.chat import view as chat
from talkd.areas.chat.model import Names
from talkd.areas.rooms.model import CHANGELOG_NAME, Room
from talkd.areas.rooms.store import Overview
from talkd.areas.settings.model import RoomDefaults
from talkd.core.constants import NotificationLevel, ParticipantType, RoomType


class RoomView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conversation on the wire, as one participant sees it."""

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
    settings: RoomDefaults,
    names: Names,
    *,
    with_last_message: bool = True,
    online: set[str] | None = None,
    missed: dict[str, list[str]] | UnsetType = UNSET,
) -> RoomView:
    """A room for one of its participants. With `online`, the partner of a one-to-one conversation who is in
    there has a status.
    """
    me = overview.me
    item, attendee, session = me.room, me.attendee, me.session
    name, display_name = _names(overview)
    is_online = bool(online) and item.type == RoomType.ONE_TO_ONE and name in (online or ())
    last: Any = UNSET
    if with_last_message and overview.last_message is not None and me.can_pass_lobby and not attendee.sensitive:
        last = chat.message(overview.last_message, item, me.actor, names)
    return RoomView(
        id=item.id,
        token=item.token,
        type=item.type,
        name=name,
        displayName=display_name,
        objectType=item.object_type,
        objectId=item.object_id,
        participantType=attendee.type,
        participantFlags=session.in_call if session else 0,
        readOnly=item.read_only,
        hasPassword=bool(item.password_hash),
        hasCall=item.call_started_at > 0,
        callStartTime=item.call_started_at,
        callRecording=item.call_recording,
        canStartCall=me.can_start_call(settings.start_calls),
        lastActivity=item.last_activity,
        lastReadMessage=attendee.last_read,
        unreadMessages=0 if me.is_guest else overview.unread,
        unreadMention=attendee.last_mention > attendee.last_read,
        unreadMentionDirect=attendee.last_mention_direct > attendee.last_read,
        isFavorite=bool(attendee.favorite),
        canLeaveConversation=me.can_leave,
        canDeleteConversation=me.can_delete(settings.can_delete_one_to_one),
        notificationLevel=_notification_level(overview, settings),
        notificationCalls=attendee.notification_calls,
        lobbyState=int(item.has_lobby),
        lobbyTimer=item.lobby_timer if item.has_lobby else 0,
        lastPing=session.last_ping if session else 0,
        sessionId=session.session_id if session else "0",
        sipEnabled=item.sip_enabled,
        actorType=attendee.actor_type,
        actorId=attendee.actor_id,
        attendeeId=attendee.id,
        permissions=me.permissions,
        attendeePermissions=attendee.permissions,
        callPermissions=item.call_permissions,
        defaultPermissions=item.default_permissions,
        canEnableSIP=False,
        attendeePin=attendee.pin,
        description=item.description,
        lastCommonReadMessage=overview.common_read,
        listable=item.listable,
        callFlag=item.call_flag,
        messageExpiration=item.message_expiration,
        avatarVersion=_avatar_version(item),
        isCustomAvatar=bool(item.avatar) or item.type == RoomType.NOTE_TO_SELF,
        breakoutRoomMode=item.breakout_mode,
        breakoutRoomStatus=item.breakout_status,
        recordingConsent=item.recording_consent,
        mentionPermissions=item.mention_permissions,
        isArchived=bool(attendee.archived),
        isImportant=bool(attendee.important),
        isSensitive=bool(attendee.sensitive),
        lastMessage=last,
        status="online" if is_online else UNSET,
        statusIcon=None if is_online else UNSET,
        statusMessage=None if is_online else UNSET,
        statusClearAt=None if is_online else UNSET,
        invalidParticipants=missed,
    )


def seen_from_outside(item: Room, *, is_listed: bool = False) -> RoomView:
    """A room for somebody who has not joined: what it takes to decide, and nothing of what goes on.

    Who found it listed also learns its name and how lively it is, unless there is a password to know first.
    """
    nothing = 1
    is_listed = is_listed and not item.password_hash
    name = item.name if is_listed else ""
    return RoomView(
        id=item.id,
        token=item.token,
        type=item.type,
        name=name,
        displayName=name,
        objectType=item.object_type,
        objectId=item.object_id,
        participantType=ParticipantType.GUEST,
        participantFlags=0,
        readOnly=item.read_only,
        hasPassword=bool(item.password_hash),
        hasCall=False,
        callStartTime=0,
        callRecording=0,
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
        lobbyState=int(item.has_lobby),
        lobbyTimer=item.lobby_timer if item.has_lobby else 0,
        lastPing=0,
        sessionId="0",
        sipEnabled=0,
        actorType="",
        actorId="",
        attendeeId=0,
        permissions=nothing,
        attendeePermissions=nothing,
        callPermissions=nothing,
        defaultPermissions=nothing,
        canEnableSIP=False,
        attendeePin="",
        description="",
        lastCommonReadMessage=0,
        listable=item.listable,
        callFlag=0,
        messageExpiration=0,
        avatarVersion=_avatar_version(item),
        isCustomAvatar=bool(item.avatar),
        breakoutRoomMode=0,
        breakoutRoomStatus=0,
        recordingConsent=item.recording_consent,
        mentionPermissions=0,
        isArchived=False,
        isImportant=False,
        isSensitive=False,
    )


def _names(overview: Overview) -> tuple[str, str]:
    item = overview.me.room
    if item.type == RoomType.ONE_TO_ONE:
        partner = item.partner_of(overview.me.attendee.actor_id)
        return partner, overview.partner_name or partner
    if item.type == RoomType.CHANGELOG:
        return item.name, CHANGELOG_NAME
    return item.name, item.name


def _notification_level(overview: Overview, settings: RoomDefaults) -> int:
    """What holds when nothing was chosen: everything in one-to-one, mentions elsewhere, nothing for guests."""
    attendee = overview.me.attendee
    if attendee.is_guest:
        return NotificationLevel.NEVER
    if attendee.notification_level != NotificationLevel.DEFAULT:
        return attendee.notification_level
    if overview.me.room.is_one_to_one:
        return NotificationLevel.ALWAYS
    return settings.notification_level


def _avatar_version(item: Room) -> str:
    """Changes whenever the picture does, so that clients may keep it."""
    if item.avatar:
        return f"{item.avatar_version:x}"
    return f"{item.type}-{len(item.name)}-0"
