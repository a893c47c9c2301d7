"""The texts of system messages. Clients show them as they are, and some parse them (docs/api/compatibility.md)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from talkd.conversation.message import Reference
from talkd.conversation.reaction import REMOVED
from talkd.core import events
from talkd.core.actor import CLI_ID, GUESTS, SYSTEM_ID, USERS, Actor
from talkd.core.richtext import span

Parameters = Mapping[str, Reference]

MISSED, TRIED = "call_missed", "call_tried"
"""The system message about an unanswered call: the called user gets the first one, the caller the second one."""

ONE_TO_ONE_CALLS = frozenset({"call_started", "call_ended", "call_ended_everyone"})
"""System messages with a text of their own in one-to-one rooms, which names nobody."""

SILENT = "silent"
"""The `details` of `call_started` for a call that notifies nobody."""


class Line(msgspec.Struct, frozen=True):
    """A system message and its text. The actor reads "You" instead of their name."""

    name: str
    text: str

    def of(self, _event: Any) -> "Line":
        """Return the line of an event: this one."""
        return self

    @property
    def lines(self) -> tuple["Line", ...]:
        """Return all lines of the kind of event."""
        return (self,)


class Choice(msgspec.Struct, frozen=True):
    """The lines of an event: one if the field `field` of the event is set, another if it is empty or 0."""

    field: str
    if_set: Line
    if_empty: Line

    def of(self, event: Any) -> Line:
        """Return the line of an event."""
        return self.if_set if getattr(event, self.field) else self.if_empty

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return all lines of the kind of event."""
        return self.if_set, self.if_empty


REPORTED: Mapping[type[events.RoomEvent], Line | Choice] = {
    events.RoomCreated: Line("conversation_created", "{actor} created the conversation"),
    events.DescriptionSet: Choice(
        "description",
        Line("description_set", "{actor} set the description"),
        Line("description_removed", "{actor} removed the description"),
    ),
    events.AvatarSet: Choice(
        "is_set",
        Line("avatar_set", "{actor} set the conversation picture"),
        Line("avatar_removed", "{actor} removed the conversation picture"),
    ),
    events.GuestsAllowed: Line("guests_allowed", "{actor} allowed guests"),
    events.GuestsDisallowed: Line("guests_disallowed", "{actor} disallowed guests"),
    events.PasswordSet: Choice(
        "is_set",
        Line("password_set", "{actor} set a password"),
        Line("password_removed", "{actor} removed the password"),
    ),
    events.ReadOnlySet: Choice(
        "read_only",
        Line("read_only", "{actor} locked the conversation"),
        Line("read_only_off", "{actor} unlocked the conversation"),
    ),
    events.BreakoutRoomsStarted: Line("breakout_rooms_started", "{actor} started breakout rooms"),
    events.BreakoutRoomsStopped: Line("breakout_rooms_stopped", "{actor} stopped breakout rooms"),
    events.LobbyTimerReached: Line("lobby_timer_reached", "The conversation is now open to everyone"),
}
"""The system messages of events that need only a text. `effects.REPORTS` also has the events that need more."""

_BY_ACTOR = {line.name: line.text for reported in REPORTED.values() for line in reported.lines} | {
    "conversation_renamed": '{actor} renamed the conversation from "%s" to "%s"',
    "reaction_revoked": "{actor} deleted a reaction",
    "listable_none": "{actor} limited the conversation to the current participants",
    "listable_users": "{actor} opened the conversation to registered users",
    "listable_all": "{actor} opened the conversation to registered users and users created with the Guests app",
    "lobby_none": "{actor} opened the conversation to everyone",
    "lobby_non_moderators": "{actor} restricted the conversation to moderators",
    "history_cleared": "{actor} cleared the history of the conversation",
    "message_deleted": "{actor} deleted a message",
    "message_edited": "{actor} edited a message",
    "message_expiration_enabled": "{actor} set the message expiration to %s",
    "message_expiration_disabled": "{actor} disabled message expiration",
    "poll_closed": "{actor} ended the poll {poll}",
    "poll_voted": "Someone voted on the poll {poll}",
    "call_started": "{actor} started a call",
    "call_joined": "{actor} joined the call",
    "call_left": "{actor} left the call",
    "recording_started": "{actor} started the video recording",
    "recording_stopped": "{actor} stopped the video recording",
    "audio_recording_started": "{actor} started the audio recording",
    "audio_recording_stopped": "{actor} stopped the audio recording",
    "recording_failed": "The recording failed",
    MISSED: "Missed call",
    TRIED: "Unanswered call",
}
"""Texts by system message, for everything that an actor did. The actor reads "You" instead of their name."""

_BY_ACTOR_TO_USER = {
    "user_added": ("{actor} added {user}", "{actor} added you"),
    "user_removed": ("{actor} removed {user}", "{actor} removed you"),
    "moderator_promoted": ("{actor} promoted {user} to moderator", "{actor} promoted you to moderator"),
    "moderator_demoted": ("{actor} demoted {user} from moderator", "{actor} demoted you from moderator"),
    "guest_moderator_promoted": ("{actor} promoted {user} to moderator", "{actor} promoted you to moderator"),
    "guest_moderator_demoted": ("{actor} demoted {user} from moderator", "{actor} demoted you from moderator"),
    "group_added": ("{actor} added group {group}", ""),
    "group_removed": ("{actor} removed group {group}", ""),
}
"""Texts about what an actor did to a user or group. The user themselves reads the second one."""

_WITHOUT_OTHERS = {
    "user_added": "{actor} joined the conversation",
    "user_removed": "{actor} left the conversation",
}
"""Texts for a user who added or removed themselves."""


def escape_placeholders(details: str, references: Parameters) -> tuple[str, dict[str, Reference]]:
    """Escape placeholders that a person typed, for example in a room named `{actor}`.

    Return the details with other placeholders instead, and references that make clients show the typed text.
    """
    typed: dict[str, Reference] = {}
    for key in ("actor", *references):
        placeholder = f"{{{key}}}"
        if placeholder in details:
            own = f"typed-{key}"
            details = details.replace(placeholder, f"{{{own}}}")
            typed[own] = Reference("highlight", placeholder, placeholder)
    return details, typed


def text_of(
    system: str, details: str, parameters: Parameters, actor: Actor, viewer: Actor, *, is_one_to_one: bool = False
) -> str:
    """Return the text of a system message for one reader.

    `details` are the parts of the text that are not actors: old and new name, a duration.
    """
    if is_one_to_one and system in ONE_TO_ONE_CALLS:
        return _one_to_one_call_text(system, details, is_by_viewer=actor.is_same(viewer.type, viewer.id))
    if viewer.type != USERS:  # guests never read "You" (docs/api/compatibility.md)
        viewer = Actor("", "")
    user = parameters.get("user")
    if system in _WITHOUT_OTHERS and user is not None and actor.is_same(user.type, user.id):
        return _with_actor(_WITHOUT_OTHERS[system], actor, viewer)
    if system in _BY_ACTOR_TO_USER:
        general, to_viewer = _BY_ACTOR_TO_USER[system]
        if user is not None and viewer.is_same(user.type, user.id):
            return _with_actor(to_viewer, actor, viewer)
        return _with_actor(general, actor, viewer)
    if system == "conversation_renamed":
        old, _, new = details.partition("\n")
        return _with_actor(_BY_ACTOR[system] % (old, new), actor, viewer)
    if system == "message_expiration_enabled":
        return _with_actor(_BY_ACTOR[system] % span(int(details)), actor, viewer)
    if system == "call_started" and details == SILENT:
        return _with_actor("{actor} started a silent call", actor, viewer)
    if system == REMOVED:
        return "Reaction deleted by author"
    if system in _BY_ACTOR:
        return _with_actor(_BY_ACTOR[system], actor, viewer)
    if system in ("call_ended", "call_ended_everyone"):
        return _call_text(system, details, parameters, actor)
    return details


def _with_actor(text: str, actor: Actor, viewer: Actor) -> str:
    """Return the text with the actor as this reader sees them: "You", "System", or the placeholder."""
    if not text.startswith("{actor}"):
        return text
    if actor.is_same(GUESTS, SYSTEM_ID):
        return "System" + text.removeprefix("{actor}")
    if actor.is_same(GUESTS, CLI_ID):
        return "An administrator" + text.removeprefix("{actor}")
    return "You" + text.removeprefix("{actor}") if actor.is_same(viewer.type, viewer.id) else text


def _one_to_one_call_text(system: str, details: str, *, is_by_viewer: bool) -> str:
    if system == "call_started":
        way, kind = "Outgoing" if is_by_viewer else "Incoming", "silent call" if details == SILENT else "call"
        return f"{way} {kind}"
    length, _, _ = details.partition("\n")
    return f"Call ended (Duration {length})"


def _call_text(system: str, details: str, parameters: Parameters, actor: Actor) -> str:
    length, guests, others = [*details.split("\n"), "0", "0"][:3]
    names = [f"{{user{number}}}" for number in range(1, 1 + sum(key.startswith("user") for key in parameters))]
    if int(guests):
        names.append("1 guest" if guests == "1" else f"{guests} guests")
    if int(others):
        names.append("1 other" if others == "1" else f"{others} others")
    with_names = ""
    if names:
        with_names = " with " + " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    if system == "call_ended_everyone" and actor.is_same(GUESTS, SYSTEM_ID):
        return f"Call{with_names} was ended, as it reached the maximum call duration (Duration {length})"
    if system == "call_ended_everyone":
        return f"{{actor}} ended the call{with_names} (Duration {length})"
    return f"Call{with_names} ended (Duration {length})"
