"""Conversations as API v1, v2 and v3 spoke of them: pure functions between their words and today's."""

from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

from talkd.areas.older.crowd_model import NOBODY, Crowd, Person
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms.creation_routes import CreateParams
from talkd.areas.rooms.routes import ListParams
from talkd.areas.rooms.setting_routes import NameParams, OptionalPasswordParams
from talkd.conversation.room import UNNAMED
from talkd.core.constants import MODERATORS, InCall, Lobby, ParticipantType, Permission, RoomType
from talkd.core.errors import Forbidden, Invalid, NotAllowedHere, NotFound, TalkError
from talkd.core.names import cleaned
from talkd.web.params import NoParams

MAX_NAME_LENGTH = 200
MAX_LISTED_NAMES = 64
"""Characters of the list of people that stands for a name."""
SHARE_PASSWORD = "share:password"


# --- what they asked ------------------------------------------------------------------------
class OldListParams(msgspec.Struct, frozen=True):
    """Whether the list is asked for in the background."""

    noStatusUpdate: int = 0


class OldCreateParams(msgspec.Struct, frozen=True):
    """A room to make: `invite` is the other user, or a group of users to begin with."""

    roomType: int
    invite: str = ""
    roomName: str = ""
    source: str = ""


def listing(params: OldListParams) -> ListParams:
    """Everything, as there was no asking for less."""
    return ListParams(noStatusUpdate=params.noStatusUpdate)


def creation(params: OldCreateParams) -> CreateParams:
    """A room with nothing set but its name and people."""
    return CreateParams(roomType=params.roomType, invite=params.invite, roomName=params.roomName, source=params.source)


def short_name(params: NameParams) -> NameParams:
    """The name as it is. Raises Invalid("value") when it is longer than it could be then."""
    if len(cleaned(params.roomName)) > MAX_NAME_LENGTH:
        raise Invalid("value")
    return params


def no_password(_params: NoParams) -> OptionalPasswordParams:
    """Opening a room and giving it a password were two operations."""
    return OptionalPasswordParams()


# --- what they were told --------------------------------------------------------------------
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
    """A user of a conversation inside its object of API v1."""

    name: str
    type: int
    call: int
    sessionId: str


class RoomV1(_OldRoom, frozen=True):
    """A conversation in API v1, with the people in it."""

    participantInCall: bool
    count: int
    numGuests: int
    guestList: str
    participants: dict[str, MemberV1]


class RoomV2(_OldRoom, frozen=True):
    """A conversation in API v2."""

    canLeaveConversation: bool
    canDeleteConversation: bool


class RoomV3(RoomV2, frozen=True):
    """A conversation in API v3."""

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
    """What API v1 told of a conversation that was just made."""

    token: str
    name: str
    displayName: str


_OWN = 7
"""So many fields at the beginning of each struct are not simply today's; the others are copied."""
_of_all = attrgetter(*_OldRoom.__struct_fields__[_OWN:])
_of_v2 = attrgetter(*RoomV2.__struct_fields__[_OWN:])
_of_v3 = attrgetter(*RoomV3.__struct_fields__[_OWN:])
_LATER_TYPES = (RoomType.ONE_TO_ONE_FORMER, RoomType.NOTE_TO_SELF)


def room_v1(room: RoomView, crowd: Crowd) -> RoomV1:
    """Today's room, with its people for whoever may list them and under their names while it has none itself."""
    if _waits_in_lobby(room):
        crowd = NOBODY
    people = crowd.people if _lists_people(room) else {}
    name, display_name = _names(room, people)
    guests = crowd.guests
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
        crowd.users,
        guests,
        f"{guests} guest{'' if guests == 1 else 's'}" if guests else "",
        {user_id: MemberV1(each.name, each.type, each.in_call, each.session_id) for user_id, each in people.items()},
    )
    return RoomV1(*beginning, *_of_all(room), *end)


def room_v2(room: RoomView) -> RoomV2:
    """Today's room without what came later."""
    return RoomV2(*_in_common(room), *_of_v2(room))


def rooms_v2(rooms: list[RoomView]) -> list[RoomV2]:
    """Today's rooms, each without what came later."""
    return [room_v2(room) for room in rooms]


def room_v3(room: RoomView) -> RoomV3:
    """Today's room without what came later."""
    return RoomV3(*_in_common(room), *_of_v3(room))


def rooms_v3(rooms: list[RoomView]) -> list[RoomV3]:
    """Today's rooms, each without what came later."""
    return [room_v3(room) for room in rooms]


def created_v1(room: RoomView, crowd: Crowd) -> CreatedV1:
    """How to find the new room."""
    return CreatedV1(room.token, *_names(room, crowd.people))


def nothing(_room: Any) -> list[Any]:
    """Changing a setting was answered with success and no more."""
    return []


def _in_common(room: RoomView) -> tuple[Any, ...]:
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
    """Former one-to-one conversations and notes to self look like any conversation of some people."""
    return RoomType.GROUP if room.type in _LATER_TYPES else room.type


def _names(room: RoomView, people: dict[str, Person]) -> tuple[str, str]:
    if room.name != UNNAMED or not people:
        return room.name, room.displayName
    listed = ", ".join(person.name for person in people.values())
    return "", listed if len(listed) <= MAX_LISTED_NAMES else f"{listed[: MAX_LISTED_NAMES - 1]}…"


def _last_message(room: RoomView) -> Any:
    return [] if room.lastMessage is UNSET else room.lastMessage


def _lists_people(room: RoomView) -> bool:
    """As today, where the list of participants is not for plain guests."""
    return room.participantType != ParticipantType.GUEST


def _waits_in_lobby(room: RoomView) -> bool:
    passes = room.participantType in MODERATORS or room.permissions & Permission.LOBBY_IGNORE
    return room.lobbyState == Lobby.NON_MODERATORS and not passes


# --- what they were refused -----------------------------------------------------------------
def refused_by_type(error: TalkError) -> TalkError:
    """A kind of conversation that has no such setting: 403 (seed 2018, line 149)."""
    if isinstance(error, Invalid) and error.reason in ("type", "breakout-room"):
        return Forbidden(error.reason)
    return error


def refused_by_rule(error: TalkError) -> TalkError:
    """An operation without parameters has no wrong input: a rule that forbids it is 403 (seed 2018, line 171)."""
    return Forbidden(error.reason, message=error.message, data=error.data) if isinstance(error, Invalid) else error


def not_created(error: TalkError) -> TalkError:
    """There is no other user to talk to: 404 (seed 2018, line 70). Today that is 403 for oneself."""
    return NotFound(error.reason) if isinstance(error, Forbidden) and error.reason == "invite" else error


def cannot_be_renamed(error: TalkError) -> TalkError:
    """One-to-one conversations have no name of their own: 405 (seed 2018, line 134)."""
    return NotAllowedHere(error.reason) if isinstance(error, Invalid) and error.reason == "type" else error
