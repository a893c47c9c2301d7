"""Events: what has happened, named in the past tense. They hold ids and values, and have no behaviour.

A service emits an event when it has changed something; the `effects.py` of the areas say what follows from it.
"""

import msgspec

from talkd.core.actor import SYSTEM, Actor


class Event(msgspec.Struct, frozen=True):
    """Base of all events."""


def list_kinds(base: type[Event]) -> list[type[Event]]:
    """Return every kind of event below a base, each once."""
    return [each for kind in base.__subclasses__() for each in (kind, *list_kinds(kind))]


class CachesOutdated(Event, frozen=True):
    """Settings, passwords or roles of one account have changed, or of any account (empty `user_id`).

    Other processes notice the new `epoch` in the database.
    """

    epoch: str
    user_id: str = ""


class AttemptCounted(Event, frozen=True):
    """An attempt to guess a secret was counted: the attempts in this window so far, and when it began."""

    action: str
    subnet: str
    attempts: int
    first_at: int


class AttemptsForgotten(Event, frozen=True):
    """An administrator has deleted the count of attempts of an action from a source."""

    action: str
    source: str


class SettingSet(Event, frozen=True):
    """A setting of an app has a new value; None stands for its default."""

    app: str
    key: str
    value: str | None


class ReadPrivacySet(Event, frozen=True):
    """A user has shown or hidden their read marker."""

    user_id: str


class UserRenamed(Event, frozen=True):
    """An account has a new display name."""

    user_id: str
    name: str


class UserDeleted(Event, frozen=True):
    """`actor` has deleted an account; `name` was its display name."""

    user_id: str
    name: str
    actor: Actor


class GroupMemberAdded(Event, frozen=True):
    """An account has joined a group."""

    group_id: str
    user_id: str
    actor: Actor = SYSTEM


class GroupMemberRemoved(Event, frozen=True):
    """An account has left a group."""

    group_id: str
    user_id: str
    actor: Actor = SYSTEM


class GroupRenamed(Event, frozen=True):
    """A group has a new display name."""

    group_id: str
    name: str


class GroupDeleted(Event, frozen=True):
    """A group was deleted. Each member was removed before, with an event of its own."""

    group_id: str
    actor: Actor = SYSTEM


# --- rooms ----------------------------------------------------------------------------------
class RoomEvent(Event, frozen=True):
    """Base of the events in one room, caused by `actor`."""

    room_id: int
    actor: Actor


class RoomCreated(RoomEvent, frozen=True):
    """A room was created."""


class RoomDeleted(RoomEvent, frozen=True):
    """A room was deleted, with its attendees and sessions."""

    attendee_ids: tuple[int, ...]
    session_ids: tuple[str, ...]
    token: str = ""
    user_ids: tuple[str, ...] = ()
    """The users among the attendees."""


class RoomRenamed(RoomEvent, frozen=True):
    """The room has another name."""

    old: str
    new: str


class DescriptionSet(RoomEvent, frozen=True):
    """The room has another description; empty if it was removed."""

    description: str


class AvatarSet(RoomEvent, frozen=True):
    """The room has another picture, or none (`is_set` is false)."""

    is_set: bool


class GuestsAllowed(RoomEvent, frozen=True):
    """The room became public: everybody who has the link may join."""


class GuestsDisallowed(RoomEvent, frozen=True):
    """The room is no longer public: only members may join."""


class PasswordSet(RoomEvent, frozen=True):
    """The room has another password, or none (`is_set` is false)."""

    is_set: bool


class ReadOnlySet(RoomEvent, frozen=True):
    """The room was locked or unlocked."""

    read_only: bool


class ListableSet(RoomEvent, frozen=True):
    """Who can find the room by searching has changed (`Listable`)."""

    scope: int


class LobbySet(RoomEvent, frozen=True):
    """The lobby was turned on or off, or has another timer (0 for none)."""

    is_on: bool
    was_on: bool
    timer: int


class LobbyTimerReached(RoomEvent, frozen=True):
    """The timer of the lobby has expired, so the lobby is off."""


class DefaultPermissionsSet(RoomEvent, frozen=True):
    """The permissions of attendees without permissions of their own have changed."""

    permissions: int


class RecordingConsentSet(RoomEvent, frozen=True):
    """Participants are asked for consent to recording from now on (1), or no longer (0)."""

    recording_consent: int


class MentionPermissionsSet(RoomEvent, frozen=True):
    """Everybody (0) or only moderators (1) may mention everybody from now on."""

    mention_permissions: int


class AssistanceSet(RoomEvent, frozen=True):
    """Somebody in a breakout room asks for help, or no longer does."""

    is_wanted: bool


class DialInSet(RoomEvent, frozen=True):
    """People can dial in by telephone with a PIN (1), also without one (2), or no longer (0)."""

    state: int


class BreakoutRoomsStarted(RoomEvent, frozen=True):
    """The breakout rooms were started: the lobby of this one was turned off. Its members are asked to come."""

    token: str = ""
    parent_id: int = 0
    user_ids: tuple[str, ...] = ()
    """The users in the breakout room who are not moderators."""


class BreakoutRoomsStopped(RoomEvent, frozen=True):
    """The breakout rooms were stopped: the lobby of this one was turned on. Everybody in it is asked to go back."""

    parent_token: str = ""


class MessageExpirationSet(RoomEvent, frozen=True):
    """Messages posted from now on expire after this many seconds; 0 for never."""

    seconds: int


# --- attendees and sessions -----------------------------------------------------------------
class AttendeeAdded(RoomEvent, frozen=True):
    """`target` was added to the room. If `quiet`, no system message reports it."""

    attendee_id: int
    target: Actor
    quiet: bool = False
    was_there: bool = False
    """Whether the target had joined by themselves before, and is a member from now on."""


class InvitationsPlanned(RoomEvent, frozen=True):
    """`actor` is about to invite `count` people by e-mail, in several transactions."""

    count: int


class InvitationRepeated(RoomEvent, frozen=True):
    """The invitation of an attendee who was invited by e-mail is sent again."""

    attendee_id: int
    target: Actor


class AttendeeRemoved(RoomEvent, frozen=True):
    """`target` was removed from the room, or has left it: then `actor` is the target."""

    attendee_id: int
    target: Actor
    session_ids: tuple[str, ...]
    quiet: bool = False
    token: str = ""
    """The token of the room."""


class ModeratorPromoted(RoomEvent, frozen=True):
    """`target` became a moderator."""

    attendee_id: int
    target: Actor


class ModeratorDemoted(RoomEvent, frozen=True):
    """`target` is no longer a moderator."""

    attendee_id: int
    target: Actor


class PermissionsSet(RoomEvent, frozen=True):
    """The permissions of an attendee have changed."""

    attendee_id: int
    permissions: int


class GuestRenamed(RoomEvent, frozen=True):
    """A guest has changed their name."""

    attendee_id: int


class SessionJoined(RoomEvent, frozen=True):
    """An attendee has joined the room with a new session."""

    attendee_id: int
    session_id: str


class SessionLeft(RoomEvent, frozen=True):
    """A session has ended: the client left the room, or gave no sign of life for too long."""

    attendee_id: int
    session_id: str


# --- messages -------------------------------------------------------------------------------
class MessagePosted(RoomEvent, frozen=True):
    """A message or system message was posted."""

    message_id: int
    kind: str
    is_news: bool = True
    """Whether the room counts as active again; false for system messages about a change of an older message."""


class MessageEdited(RoomEvent, frozen=True):
    """A message has another text; `old_references` are the references of the old text (JSON)."""

    message_id: int
    old_references: str


class MessageDeleted(RoomEvent, frozen=True):
    """A message was deleted. A note that says so stays in its place."""

    message_id: int


class HistoryCleared(RoomEvent, frozen=True):
    """All messages of the room were deleted."""


class ReactionAdded(RoomEvent, frozen=True):
    """`actor` has reacted to a message. `entry_id` is the system message that says so."""

    message_id: int
    reaction: str
    entry_id: int


class ReactionRevoked(RoomEvent, frozen=True):
    """`actor` has withdrawn a reaction. `entry_id` is the system message that says so."""

    message_id: int
    reaction: str
    entry_id: int


class ReadMarkerMoved(Event, frozen=True):
    """The read marker of an attendee has moved, or those of several attendees have, of whom this is one.

    `low` is the lower one of its old and new position, or below all positions for several. If it has moved back,
    `back_from` is the old position.
    """

    room_id: int
    attendee_id: int
    back_from: int = 0
    low: int = 0


# --- files ----------------------------------------------------------------------------------
class FileChanged(Event, frozen=True):
    """A file of a user has other contents, another time of the last change, or a name that means another type."""

    file_id: int


class FileDescribed(Event, frozen=True):
    """It became known what messages say about a file: size and blurred form of a picture, length of a sound."""

    file_id: int


class SharedFileChanged(Event, frozen=True):
    """A message that shows a file shows it differently: the file was changed, or is no longer shared."""

    room_id: int


class FilesRemoved(Event, frozen=True):
    """Files of users were deleted."""

    file_ids: tuple[int, ...]


# --- calls ----------------------------------------------------------------------------------
class CallStarted(RoomEvent, frozen=True):
    """The first session has joined the call. It notifies nobody if `silent`, and none of the users in `silent_for`."""

    session_id: str
    silent: bool
    silent_for: tuple[str, ...] = ()


class CallJoined(RoomEvent, frozen=True):
    """A session has joined a running call."""

    session_id: str
    was_in: bool = False
    """Whether another session of the same attendee was in the call already."""


class CallRung(RoomEvent, frozen=True):
    """`actor` has asked `target` to join the call."""

    attendee_id: int
    target: Actor


class CallFlagsSet(RoomEvent, frozen=True):
    """A session in the call has switched audio or video on or off."""

    session_id: str


class CallLeft(RoomEvent, frozen=True):
    """A session has left the call. `still_in`: another session of the same attendee is still in it."""

    session_id: str
    still_in: bool = False


class CallEnded(RoomEvent, frozen=True):
    """The call is over. `for_everyone`: a moderator ended it for all."""

    started_at: int
    participants: tuple[Actor, ...]
    for_everyone: bool
    session_ids: tuple[str, ...]


class CallRecordingSet(RoomEvent, frozen=True):
    """The recording of the call has another state (`areas/recording/model.py`)."""

    old: int
    new: int


class RecordingStored(RoomEvent, frozen=True):
    """A recording that belongs to `actor` was stored as a file."""

    name: str
    file_id: int


class RecordingDismissed(RoomEvent, frozen=True):
    """`actor` has seen the notification of the recording that was stored at the time `stored_at`."""

    stored_at: int


class SignalingSent(Event, frozen=True):
    """A signaling message was stored for a session."""

    recipient: str


class Notified(Event, frozen=True):
    """These users have new notifications."""

    user_ids: tuple[str, ...]
