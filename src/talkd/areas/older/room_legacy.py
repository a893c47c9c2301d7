"""Rooms in API v1, v2 and v3: pure functions from and to the requests, answers and errors of v4."""

from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

from talkd.areas.older.member_store import NO_MEMBERS, Member, RoomMembers
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms.creation_routes import CreateParams
from talkd.areas.rooms.routes import ListParams
from talkd.areas.rooms.setting_routes import NameParams, OptionalPasswordParams
from talkd.conversation.room import UNNAMED
from talkd.core.constants import InCall, Lobby, ParticipantType, Permission, RoomType
from talkd.core.errors import Forbidden, Invalid, NotAllowedHere, NotFound, TalkError
from talkd.core.names import cleaned
from talkd.web.params import NoParams

MAX_NAME_LENGTH = 200
MAX_LISTED_NAMES = 64
"""Characters of the list of members that v1 shows as the name of a room without one."""
SHARE_PASSWORD = "share:password"


# --- requests --------------------------------------------------------------------------------
class OldListParams(msgspec.Struct, frozen=True):
    """Query of the room list; `noStatusUpdate` is set by clients in the background."""

    noStatusUpdate: int = 0


class OldCreateParams(msgspec.Struct, frozen=True):
    """A room to create. `invite` is the other user, or a group whose members are added."""

    roomType: int
    invite: str = ""
    roomName: str = ""
    source: str = ""


def read_list(params: OldListParams) -> ListParams:
    """Return the parameters of v4 that list all rooms; older versions had no filters."""
    return ListParams(noStatusUpdate=params.noStatusUpdate)


def read_create(params: OldCreateParams) -> CreateParams:
    """Return the parameters of v4 for a room with only a name and members."""
    return CreateParams(roomType=params.roomType, invite=params.invite, roomName=params.roomName, source=params.source)


def read_name(params: NameParams) -> NameParams:
    """Return the parameters unchanged. Raises Invalid("value") if the name exceeds the limit of the older versions."""
    if len(cleaned(params.roomName)) > MAX_NAME_LENGTH:
        raise Invalid("value")
    return params


def read_allow_guests(_params: NoParams) -> OptionalPasswordParams:
    """Return parameters without a password, which older versions set with another operation."""
    return OptionalPasswordParams()


# --- answers ---------------------------------------------------------------------------------
class _OldRoom(msgspec.Struct, frozen=True):
    type: int
    participantType: int
    objectType: str
    objectId: str
    name: str
    displayName: str
    lastMessage: Any
    id: int
    token: str
    participantFlags: int
    readOnly: int
    hasPassword: bool
    hasCall: bool
    canStartCall: bool
    lastActivity: int
    isFavorite: bool
    notificationLevel: int
    lobbyState: int
    lobbyTimer: int
    unreadMessages: int
    unreadMention: bool
    lastReadMessage: int
    lastPing: int
    sessionId: str


class MemberV1(msgspec.Struct, frozen=True):
    """A user in the `participants` of a room in API v1."""

    name: str
    type: int
    call: int
    sessionId: str


class RoomV1(_OldRoom, frozen=True):
    """A room in API v1, with its members."""

    participantInCall: bool
    count: int
    numGuests: int
    guestList: str
    participants: dict[str, MemberV1]


class RoomV2(_OldRoom, frozen=True):
    """A room in API v2."""

    canLeaveConversation: bool
    canDeleteConversation: bool


class RoomV3(RoomV2, frozen=True):
    """A room in API v3."""

    description: str
    attendeeId: int
    attendeePin: str
    actorType: str
    actorId: str
    listable: int
    callFlag: int
    sipEnabled: int
    canEnableSIP: bool
    lastCommonReadMessage: int


class CreatedV1(msgspec.Struct, frozen=True):
    """The answer of API v1 to creating a room."""

    token: str
    name: str
    displayName: str


class JoinedV1(msgspec.Struct, frozen=True):
    """The answer of API v1 and v2 to joining a room: the session id only."""

    sessionId: str


_TRANSLATED = 7
"""The first fields of each struct are translated; all later fields are copied from the room of v4."""
_copied = attrgetter(*_OldRoom.__struct_fields__[_TRANSLATED:])
_copied_v2 = attrgetter(*RoomV2.__struct_fields__[_TRANSLATED:])
_copied_v3 = attrgetter(*RoomV3.__struct_fields__[_TRANSLATED:])
_LATER_TYPES = (RoomType.ONE_TO_ONE_FORMER, RoomType.NOTE_TO_SELF)


def room_v1(room: RoomView, members: RoomMembers) -> RoomV1:
    """Return the room in API v1. Guests do not see its members; callers in the lobby also see no counts."""
    if _is_in_lobby(room):
        members = NO_MEMBERS
    users = members.users if room.participantType != ParticipantType.GUEST else {}
    name, display_name = _names(room, users)
    guests = members.present_guests
    is_known = room.objectType == SHARE_PASSWORD
    beginning: tuple[Any, ...] = (
        RoomType.GROUP if room.type == RoomType.CHANGELOG else _type(room),
        room.participantType,
        room.objectType if is_known else "",
        room.objectId if is_known else "",
        name,
        display_name,
        _last_message(room),
    )
    end: tuple[Any, ...] = (
        bool(room.participantFlags & InCall.IN_CALL),
        members.present_users,
        guests,
        f"{guests} guest{'' if guests == 1 else 's'}" if guests else "",
        {user_id: MemberV1(each.name, each.type, each.in_call, each.session_id) for user_id, each in users.items()},
    )
    return RoomV1(*beginning, *_copied(room), *end)


def room_v2(room: RoomView) -> RoomV2:
    """Return the room in API v2."""
    return RoomV2(*_translated(room), *_copied_v2(room))


def rooms_v2(rooms: list[RoomView]) -> list[RoomV2]:
    """Return the rooms in API v2."""
    return [room_v2(room) for room in rooms]


def room_v3(room: RoomView) -> RoomV3:
    """Return the room in API v3."""
    return RoomV3(*_translated(room), *_copied_v3(room))


def rooms_v3(rooms: list[RoomView]) -> list[RoomV3]:
    """Return the rooms in API v3."""
    return [room_v3(room) for room in rooms]


def created_v1(room: RoomView, members: RoomMembers) -> CreatedV1:
    """Return the new room in API v1."""
    return CreatedV1(room.token, *_names(room, members.users))


def joined_v1(room: RoomView) -> JoinedV1:
    """Return the caller's session in the room."""
    return JoinedV1(room.sessionId)


def nothing(_room: Any) -> list[Any]:
    """Return an empty list, the answer of the older versions to every change of a setting."""
    return []


def _translated(room: RoomView) -> tuple[Any, ...]:
    return (
        _type(room),
        room.participantType,
        room.objectType,
        room.objectId,
        room.name,
        room.displayName,
        _last_message(room),
    )


def _type(room: RoomView) -> int:
    """Return the room type. Types that only v4 knows are shown as group."""
    return RoomType.GROUP if room.type in _LATER_TYPES else room.type


def _names(room: RoomView, users: dict[str, Member]) -> tuple[str, str]:
    """Return name and display name. A room without a name shows the names of its members."""
    if room.name != UNNAMED or not users:
        return room.name, room.displayName
    listed = ", ".join(user.name for user in users.values())
    return "", listed if len(listed) <= MAX_LISTED_NAMES else f"{listed[: MAX_LISTED_NAMES - 1]}…"


def _last_message(room: RoomView) -> Any:
    return [] if room.lastMessage is UNSET else room.lastMessage


def _is_in_lobby(room: RoomView) -> bool:
    return room.lobbyState == Lobby.NON_MODERATORS and not room.permissions & Permission.LOBBY_IGNORE


# --- errors ----------------------------------------------------------------------------------
def refused_by_type(error: TalkError) -> TalkError:
    """Answer 403 for a room type without this setting (docs/api/api-v1-2018.md)."""
    if isinstance(error, Invalid) and error.reason in ("type", "breakout-room"):
        return Forbidden(error.reason)
    return error


def refused_by_rule(error: TalkError) -> TalkError:
    """Answer 403 for every Invalid, because the operation has no parameters (docs/api/api-v1-2018.md)."""
    return Forbidden(error.reason, message=error.message, data=error.data) if isinstance(error, Invalid) else error


def not_created(error: TalkError) -> TalkError:
    """Answer 404 if the invited user is the caller, where v4 answers 403 (docs/api/api-v1-2018.md)."""
    return NotFound(error.reason) if isinstance(error, Forbidden) and error.reason == "invite" else error


def cannot_be_renamed(error: TalkError) -> TalkError:
    """Answer 405 for one-to-one rooms, which have no name (docs/api/api-v1-2018.md)."""
    return NotAllowedHere(error.reason) if isinstance(error, Invalid) and error.reason == "type" else error
