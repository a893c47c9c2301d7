"""Everything that can happen, in the past tense. Payloads are ids and old and new values, no behaviour.

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
    """Settings, passwords or roles have changed: of one account, or (empty) of all.

    `epoch` is what other processes see of it.
    """

    epoch: str
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class SettingSet(Event):
    """A setting of an app has a new value; None is back to the default."""

    app: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class ReadPrivacySet(Event):
    """A user lets it be known, or no longer, how far he has read."""

    user_id: str


@dataclass(frozen=True, slots=True)
class UserRenamed(Event):
    """An account has a new display name."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class UserDeleted(Event):
    """`actor` deleted an account; `name` is its last display name."""

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
    """A group is gone; that its members left it was said before."""

    group_id: str
    actor: Actor = SYSTEM


# --- rooms ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class RoomEvent(Event):
    """Something about one room, done by `actor`."""

    room_id: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class RoomCreated(RoomEvent):
    """A conversation exists."""


@dataclass(frozen=True, slots=True)
class RoomDeleted(RoomEvent):
    """A conversation and all in it are gone; `attendee_ids` were in it."""

    attendee_ids: tuple[int, ...]
    session_ids: tuple[str, ...]
    token: str = ""


@dataclass(frozen=True, slots=True)
class RoomRenamed(RoomEvent):
    """The name changed."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class DescriptionSet(RoomEvent):
    """The description changed; empty means removed."""

    description: str


@dataclass(frozen=True, slots=True)
class AvatarSet(RoomEvent):
    """The picture changed; `is_set` is false when it was removed."""

    is_set: bool


@dataclass(frozen=True, slots=True)
class GuestsAllowed(RoomEvent):
    """Everybody who has the link may come."""


@dataclass(frozen=True, slots=True)
class GuestsDisallowed(RoomEvent):
    """Only members may come."""


@dataclass(frozen=True, slots=True)
class PasswordSet(RoomEvent):
    """The password changed; `is_set` is false when it was removed."""

    is_set: bool


@dataclass(frozen=True, slots=True)
class ReadOnlySet(RoomEvent):
    """The room was locked or unlocked."""

    read_only: bool


@dataclass(frozen=True, slots=True)
class ListableSet(RoomEvent):
    """Others than before find the room by searching."""

    scope: int


@dataclass(frozen=True, slots=True)
class LobbySet(RoomEvent):
    """The lobby was closed, opened, or got another timer (0: none)."""

    is_closed: bool
    was_closed: bool
    timer: int


@dataclass(frozen=True, slots=True)
class LobbyTimerReached(RoomEvent):
    """The lobby has opened by itself."""


@dataclass(frozen=True, slots=True)
class DefaultPermissionsSet(RoomEvent):
    """Those without permissions of their own may do more, or less."""

    permissions: int


@dataclass(frozen=True, slots=True)
class RecordingConsentSet(RoomEvent):
    """Everybody is asked for consent to being recorded (1), or is not asked any more (0)."""

    recording_consent: int


@dataclass(frozen=True, slots=True)
class BreakoutRoomsStarted(RoomEvent):
    """This breakout room is open."""


@dataclass(frozen=True, slots=True)
class BreakoutRoomsStopped(RoomEvent):
    """This breakout room is closed: who does not moderate waits in the lobby."""


@dataclass(frozen=True, slots=True)
class MessageExpirationSet(RoomEvent):
    """New messages vanish after so many seconds from now on; 0 for never."""

    seconds: int


# --- people ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class AttendeeAdded(RoomEvent):
    """`target` belongs to the room now. `quiet` when no message shall say so."""

    attendee_id: int
    target: Actor
    quiet: bool = False
    was_there: bool = False
    """Was in the room already, by itself, and is a member from now on."""


@dataclass(frozen=True, slots=True)
class InvitationsPlanned(RoomEvent):
    """`actor` is about to invite so many people by e-mail, in several transactions."""

    count: int


@dataclass(frozen=True, slots=True)
class InvitationRepeated(RoomEvent):
    """Somebody invited by e-mail shall get the invitation once more."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class AttendeeRemoved(RoomEvent):
    """`target` no longer belongs to the room; `actor` is the target itself when it left."""

    attendee_id: int
    target: Actor
    session_ids: tuple[str, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class ModeratorPromoted(RoomEvent):
    """`target` moderates now."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class ModeratorDemoted(RoomEvent):
    """`target` moderates no longer."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class PermissionsSet(RoomEvent):
    """Somebody may do more, or less."""

    attendee_id: int
    permissions: int


@dataclass(frozen=True, slots=True)
class GuestRenamed(RoomEvent):
    """A guest calls itself something else."""

    attendee_id: int


@dataclass(frozen=True, slots=True)
class SessionJoined(RoomEvent):
    """Somebody opened the room on some device."""

    attendee_id: int
    session_id: str


@dataclass(frozen=True, slots=True)
class SessionLeft(RoomEvent):
    """A device closed the room, or was silent for too long."""

    attendee_id: int
    session_id: str


# --- messages -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MessagePosted(RoomEvent):
    """A message or system message is in the room."""

    message_id: int
    kind: str
    is_news: bool = True
    """Whether the room is told to have something new; not for what only changes an older message."""


@dataclass(frozen=True, slots=True)
class MessageEdited(RoomEvent):
    """A message has another text; `old_references` is what the placeholders of the old one stood for (JSON)."""

    message_id: int
    old_references: str


@dataclass(frozen=True, slots=True)
class MessageDeleted(RoomEvent):
    """A message shows no more than that it was deleted."""

    message_id: int


@dataclass(frozen=True, slots=True)
class HistoryCleared(RoomEvent):
    """All messages are gone."""


@dataclass(frozen=True, slots=True)
class ReactionAdded(RoomEvent):
    """Somebody reacted to a message."""

    message_id: int
    reaction: str


@dataclass(frozen=True, slots=True)
class ReactionRevoked(RoomEvent):
    """Somebody took a reaction back."""

    message_id: int
    reaction: str


@dataclass(frozen=True, slots=True)
class ReadMarkerMoved(Event):
    """An attendee has read further, or less far; then `back_from` is how far they had read.

    `low` is the lower one of the read marker before and after.
    """

    room_id: int
    attendee_id: int
    back_from: int = 0
    low: int = 0


# --- calls ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CallStarted(RoomEvent):
    """The first one is in the call. `silent` when nobody shall be rung, `silent_for` for users who shall not."""

    session_id: str
    silent: bool
    silent_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallJoined(RoomEvent):
    """Somebody joined a call that was going on."""

    session_id: str
    was_in: bool = False
    """Whether the same person is in it already on another device."""


@dataclass(frozen=True, slots=True)
class CallRung(RoomEvent):
    """`target` is wanted in the call."""

    attendee_id: int
    target: Actor


@dataclass(frozen=True, slots=True)
class CallFlagsSet(RoomEvent):
    """Somebody switched audio or video."""

    session_id: str


@dataclass(frozen=True, slots=True)
class CallLeft(RoomEvent):
    """Somebody left the call. `still_in` when on another device the same person is in it."""

    session_id: str
    still_in: bool = False


@dataclass(frozen=True, slots=True)
class CallEnded(RoomEvent):
    """Nobody is in the call any more. `for_everyone` when a moderator ended it."""

    started_at: int
    participants: tuple[Actor, ...]
    for_everyone: bool
    session_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignalingSent(Event):
    """A message waits for a session."""

    recipient: str


@dataclass(frozen=True, slots=True)
class Notified(Event):
    """These users are told something new."""

    user_ids: tuple[str, ...]
