"""Events: what has happened, named in the past tense. They hold ids and values, and have no behaviour.

A service emits an event when it has changed something; the `effects.py` of the areas say what follows from it.
"""

from dataclasses import dataclass

from talkd.core.actor import SYSTEM, Actor


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


def list_kinds(base: type[Event]) -> list[type[Event]]:
    """Return every kind of event below a base, each once."""
    # `slots=True` makes each class twice, and the first one stays among the subclasses until it is collected.
    kinds = {kind.__name__: kind for kind in base.__subclasses__()}.values()
    return [each for kind in kinds for each in (kind, *list_kinds(kind))]


@dataclass(frozen=True, slots=True)
class CachesOutdated(Event):
    """Settings, passwords or roles of one account have changed, or of any account (empty `user_id`).

    Other processes notice the new `epoch` in the database.
    """

    epoch: str
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class SettingSet(Event):
    """A setting of an app has a new value; None stands for its default."""

    app: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class ReadPrivacySet(Event):
    """A user has shown or hidden their read marker."""

    user_id: str


@dataclass(frozen=True, slots=True)
class UserRenamed(Event):
    """An account has a new display name."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class UserDeleted(Event):
    """`actor` has deleted an account; `name` was its display name."""

    user_id: str
    name: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class GroupMemberAdded(Event):
    """An account has joined a group."""

    group_id: str
    user_id: str
    actor: Actor = SYSTEM


@dataclass(frozen=True, slots=True)
class GroupMemberRemoved(Event):
    """An account has left a group."""

    group_id: str
    user_id: str
    actor: Actor = SYSTEM


@dataclass(frozen=True, slots=True)
class GroupRenamed(Event):
    """A group has a new display name."""

    group_id: str
    name: str


@dataclass(frozen=True, slots=True)
class GroupDeleted(Event):
    """A group was deleted. Each member was removed before, with an event of its own."""

    group_id: str
    actor: Actor = SYSTEM


# --- rooms ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class RoomEvent(Event):
    """Base of the events in one room, caused by `actor`."""

    room_id: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class RoomCreated(RoomEvent):
    """A room was created."""


@dataclass(frozen=True, slots=True)
class RoomDeleted(RoomEvent):
    """A room was deleted, with its attendees and sessions."""

    attendee_ids: tuple[int, ...]
    session_ids: tuple[str, ...]
    token: str = ""
    user_ids: tuple[str, ...] = ()
    """The users among the attendees."""


@dataclass(frozen=True, slots=True)
class RoomRenamed(RoomEvent):
    """The room has another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class DescriptionSet(RoomEvent):
    """The room has another description; empty if it was removed."""

    description: str


@dataclass(frozen=True, slots=True)
class AvatarSet(RoomEvent):
    """The room has another picture, or none (`is_set` is false)."""

    is_set: bool


@dataclass(frozen=True, slots=True)
class GuestsAllowed(RoomEvent):
    """The room became public: everybody who has the link may join."""


@dataclass(frozen=True, slots=True)
class GuestsDisallowed(RoomEvent):
    """The room is no longer public: only members may join."""


@dataclass(frozen=True, slots=True)
class PasswordSet(RoomEvent):
    """The room has another password, or none (`is_set` is false)."""

    is_set: bool


@dataclass(frozen=True, slots=True)
class ReadOnlySet(RoomEvent):
    """The room was locked or unlocked."""

    read_only: bool


@dataclass(frozen=True, slots=True)
class ListableSet(RoomEvent):
    """Who can find the room by searching has changed (`Listable`)."""

    scope: int


@dataclass(frozen=True, slots=True)
class LobbySet(RoomEvent):
    """The lobby was turned on or off, or has another timer (0 for none)."""

    is_on: bool
    was_on: bool
    timer: int


@dataclass(frozen=True, slots=True)
class LobbyTimerReached(RoomEvent):
    """The timer of the lobby has expired, so the lobby is off."""


@dataclass(frozen=True, slots=True)
class DefaultPermissionsSet(RoomEvent):
    """The permissions of attendees without permissions of their own have changed."""

    permissions: int


@dataclass(frozen=True, slots=True)
class RecordingConsentSet(RoomEvent):
    """Participants are asked for consent to recording from now on (1), or no longer (0)."""

    recording_consent: int


@dataclass(frozen=True, slots=True)
class DialInSet(RoomEvent):
    """People can dial in by telephone with a PIN (1), also without one (2), or no longer (0)."""

    state: int


@dataclass(frozen=True, slots=True)
class BreakoutRoomsStarted(RoomEvent):
    """The breakout rooms were started: the lobby of this one was turned off. Its members are asked to come."""

    token: str = ""
    parent_id: int = 0
    user_ids: tuple[str, ...] = ()
    """The users in the breakout room who are not moderators."""


@dataclass(frozen=True, slots=True)
class BreakoutRoomsStopped(RoomEvent):
    """The breakout rooms were stopped: the lobby of this one was turned on. Everybody in it is asked to go back."""

    parent_token: str = ""


@dataclass(frozen=True, slots=True)
class MessageExpirationSet(RoomEvent):
    """Messages posted from now on expire after this many seconds; 0 for never."""

    seconds: int


# --- attendees and sessions -----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class AttendeeAdded(RoomEvent):
    """`target` was added to the room. If `quiet`, no system message reports it."""

    attendee_id: int
    target: Actor
    quiet: bool = False
    was_there: bool = False
    """Whether the target had joined by themselves before, and is a member from now on."""


@dataclass(frozen=True, slots=True)
class InvitationsPlanned(RoomEvent):
    """`actor` is about to invite `count` people by e-mail, in several transactions."""

    count: int


@dataclass(frozen=True, slots=True)
class InvitationRepeated(RoomEvent):
    """The invitation of an attendee who was invited by e-mail is sent again."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class AttendeeRemoved(RoomEvent):
    """`target` was removed from the room, or has left it: then `actor` is the target."""

    attendee_id: int
    target: Actor
    session_ids: tuple[str, ...]
    quiet: bool = False
    token: str = ""
    """The token of the room."""


@dataclass(frozen=True, slots=True)
class ModeratorPromoted(RoomEvent):
    """`target` became a moderator."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class ModeratorDemoted(RoomEvent):
    """`target` is no longer a moderator."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class PermissionsSet(RoomEvent):
    """The permissions of an attendee have changed."""

    attendee_id: int
    permissions: int


@dataclass(frozen=True, slots=True)
class GuestRenamed(RoomEvent):
    """A guest has changed their name."""

    attendee_id: int


@dataclass(frozen=True, slots=True)
class SessionJoined(RoomEvent):
    """An attendee has joined the room with a new session."""

    attendee_id: int
    session_id: str


@dataclass(frozen=True, slots=True)
class SessionLeft(RoomEvent):
    """A session has ended: the client left the room, or gave no sign of life for too long."""

    attendee_id: int
    session_id: str


# --- messages -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MessagePosted(RoomEvent):
    """A message or system message was posted."""

    message_id: int
    kind: str
    is_news: bool = True
    """Whether the room counts as active again; false for system messages about a change of an older message."""


@dataclass(frozen=True, slots=True)
class MessageEdited(RoomEvent):
    """A message has another text; `old_references` are the references of the old text (JSON)."""

    message_id: int
    old_references: str


@dataclass(frozen=True, slots=True)
class MessageDeleted(RoomEvent):
    """A message was deleted. A note that says so stays in its place."""

    message_id: int


@dataclass(frozen=True, slots=True)
class HistoryCleared(RoomEvent):
    """All messages of the room were deleted."""


@dataclass(frozen=True, slots=True)
class ReactionAdded(RoomEvent):
    """`actor` has reacted to a message."""

    message_id: int
    reaction: str


@dataclass(frozen=True, slots=True)
class ReactionRevoked(RoomEvent):
    """`actor` has withdrawn a reaction."""

    message_id: int
    reaction: str


@dataclass(frozen=True, slots=True)
class ReadMarkerMoved(Event):
    """The read marker of an attendee has moved.

    `low` is the lower one of its old and new position. If it has moved back, `back_from` is the old position.
    """

    room_id: int
    attendee_id: int
    back_from: int = 0
    low: int = 0


# --- calls ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CallStarted(RoomEvent):
    """The first session has joined the call. It notifies nobody if `silent`, and none of the users in `silent_for`."""

    session_id: str
    silent: bool
    silent_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallJoined(RoomEvent):
    """A session has joined a running call."""

    session_id: str
    was_in: bool = False
    """Whether another session of the same attendee was in the call already."""


@dataclass(frozen=True, slots=True)
class CallRung(RoomEvent):
    """`actor` has asked `target` to join the call."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class CallFlagsSet(RoomEvent):
    """A session in the call has switched audio or video on or off."""

    session_id: str


@dataclass(frozen=True, slots=True)
class CallLeft(RoomEvent):
    """A session has left the call. `still_in`: another session of the same attendee is still in it."""

    session_id: str
    still_in: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded(RoomEvent):
    """The call is over. `for_everyone`: a moderator ended it for all."""

    started_at: int
    participants: tuple[Actor, ...]
    for_everyone: bool
    session_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallRecordingSet(RoomEvent):
    """The recording of the call has another state (`areas/recording/model.py`)."""

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class RecordingStored(RoomEvent):
    """A recording that belongs to `actor` was stored under a name."""

    name: str


@dataclass(frozen=True, slots=True)
class RecordingDismissed(RoomEvent):
    """`actor` has seen the notification of the recording that was stored at the time `stored_at`."""

    stored_at: int


@dataclass(frozen=True, slots=True)
class SignalingSent(Event):
    """A signaling message was stored for a session."""

    recipient: str


@dataclass(frozen=True, slots=True)
class Notified(Event):
    """These users have new notifications."""

    user_ids: tuple[str, ...]
