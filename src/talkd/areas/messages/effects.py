"""Post system messages that report events, in the transaction of the event."""

from collections.abc import Awaitable, Callable
from typing import Any

from talkd.areas.messages import service as messages
from talkd.areas.messages.system_texts import MISSED, REPORTED, SILENT, Choice, Line
from talkd.areas.recording.model import report_of
from talkd.conversation import reaction_store, room_store
from talkd.conversation.message import Reference
from talkd.conversation.room import Room
from talkd.core import clock, events
from talkd.core.actor import EMAILS, GROUPS, GUESTS, PHONES, USERS, Actor
from talkd.core.constants import Listable, RoomType
from talkd.core.errors import NotFound
from talkd.core.richtext import duration
from talkd.storage.database import Reaction, Reactions, Tx

Report = Callable[[Tx, Room, Any], Awaitable[None]]

MAX_NAMED = 5
"""Maximum number of names in the report that a call has ended. "2 guests" and "3 others" count as one name each."""


def _reported(report: Report) -> Reaction:
    async def react(tx: Tx, event: Any) -> None:
        try:
            room = await room_store.lock_room(tx, event.room_id)
        except NotFound:
            return  # the room was deleted in the same transaction: nobody can read the report
        await report(tx, room, event)

    return react


def _unless_quiet(reaction: Reaction) -> Reaction:
    async def react(tx: Tx, event: events.AttendeeAdded | events.AttendeeRemoved) -> None:
        if not event.quiet:
            await reaction(tx, event)

    return react


def _simple(reported: Line | Choice) -> Report:
    async def report(tx: Tx, room: Room, event: events.RoomEvent) -> None:
        await messages.post_system(tx, room, event.actor, reported.of(event).name)

    return report


def _about(verb: str) -> Report:
    """Report what happened to a user or group: user_added, group_removed and the like."""

    async def report(tx: Tx, room: Room, event: events.AttendeeAdded | events.AttendeeRemoved) -> None:
        target = event.target
        kind = "group" if target.type == GROUPS else "user"
        await messages.post_system(tx, room, event.actor, f"{kind}_{verb}", references={kind: _reference(target)})

    return report


def _role(suffix: str) -> Report:
    async def report(tx: Tx, room: Room, event: events.ModeratorPromoted | events.ModeratorDemoted) -> None:
        prefix = "" if event.target.type == USERS else "guest_"
        await messages.post_system(
            tx, room, event.actor, f"{prefix}moderator_{suffix}", references={"user": _reference(event.target)}
        )

    return report


async def _renamed(tx: Tx, room: Room, event: events.RoomRenamed) -> None:
    await messages.post_system(tx, room, event.actor, "conversation_renamed", details=f"{event.old}\n{event.new}")


async def _listable(tx: Tx, room: Room, event: events.ListableSet) -> None:
    await messages.post_system(tx, room, event.actor, f"listable_{Listable(event.scope).name.lower()}")


async def _lobby(tx: Tx, room: Room, event: events.LobbySet) -> None:
    if event.is_on != event.was_on:
        await messages.post_system(tx, room, event.actor, "lobby_non_moderators" if event.is_on else "lobby_none")


async def _expiration_set(tx: Tx, room: Room, event: events.MessageExpirationSet) -> None:
    system = "message_expiration_enabled" if event.seconds else "message_expiration_disabled"
    await messages.post_system(tx, room, event.actor, system, details=str(event.seconds))


async def _call_started(tx: Tx, room: Room, event: events.CallStarted) -> None:
    details = SILENT if event.silent else ""
    await messages.post_system(tx, room, event.actor, "call_started", details=details, silent=event.silent)


async def _call_joined(tx: Tx, room: Room, event: events.CallJoined) -> None:
    if not event.was_in:
        await messages.post_system(tx, room, event.actor, "call_joined")


async def _call_left(tx: Tx, room: Room, event: events.CallLeft) -> None:
    if not event.still_in:
        await messages.post_system(tx, room, event.actor, "call_left")


async def _call_ended(tx: Tx, room: Room, event: events.CallEnded) -> None:
    ended_by = event.actor if event.for_everyone else Actor("", "")
    present = [each for each in event.participants if not each.is_same(ended_by.type, ended_by.id)]
    users = sorted((actor for actor in present if actor.type == USERS), key=lambda actor: actor.id)
    guests = sum(actor.type in (GUESTS, EMAILS) for actor in present)
    if not event.for_everyone and room.type == RoomType.ONE_TO_ONE and len(users) == 1:
        await _call_missed(tx, room, event.actor, users[0])
        return
    others = 0
    if len(users) + (guests > 0) > MAX_NAMED:
        users, others, guests = users[: MAX_NAMED - 1], guests + len(users) - (MAX_NAMED - 1), 0
    references = {f"user{number}": _reference(actor) for number, actor in enumerate(users, 1)}
    details = f"{duration(clock.steady() - event.started_at)}\n{guests}\n{others}"
    system = "call_ended_everyone" if event.for_everyone else "call_ended"
    await messages.post_system(tx, room, event.actor, system, details=details, references=references)


async def _call_missed(tx: Tx, room: Room, actor: Actor, caller: Actor) -> None:
    callee = Reference(USERS, room.partner_of(caller.id))
    await messages.post_system(tx, room, actor, MISSED, references={"user": _reference(caller), "callee": callee})


async def _recording_set(tx: Tx, room: Room, event: events.CallRecordingSet) -> None:
    system = report_of(event.old, event.new)
    if system:
        await messages.post_system(tx, room, event.actor, system)


def _reference(actor: Actor) -> Reference:
    return Reference("phone" if actor.type == PHONES else actor.type, actor.id, actor.name)


async def _delete_reactions(tx: Tx, event: events.MessageDeleted) -> None:
    await reaction_store.delete_reactions(tx, event.room_id, event.message_id)


REPORTS: dict[type[events.Event], Reaction] = {
    **{kind: _reported(_simple(reported)) for kind, reported in REPORTED.items()},
    events.RoomRenamed: _reported(_renamed),
    events.MessageExpirationSet: _reported(_expiration_set),
    events.ListableSet: _reported(_listable),
    events.LobbySet: _reported(_lobby),
    events.AttendeeAdded: _unless_quiet(_reported(_about("added"))),
    events.AttendeeRemoved: _unless_quiet(_reported(_about("removed"))),
    events.ModeratorPromoted: _reported(_role("promoted")),
    events.ModeratorDemoted: _reported(_role("demoted")),
    events.CallStarted: _reported(_call_started),
    events.CallJoined: _reported(_call_joined),
    events.CallLeft: _reported(_call_left),
    events.CallEnded: _reported(_call_ended),
    events.CallRecordingSet: _reported(_recording_set),
}
"""Events that post a system message in their room, with the function that posts it."""

NOT_REPORTED: frozenset[type[events.Event]] = frozenset(
    {
        # accounts and settings
        events.CachesOutdated,
        events.AttemptCounted,
        events.AttemptsForgotten,
        events.SettingSet,
        events.ReadPrivacySet,
        events.UserRenamed,
        events.UserDeleted,  # leaving each room is reported
        events.GroupMemberAdded,
        events.GroupMemberRemoved,
        events.GroupRenamed,
        events.GroupDeleted,
        # rooms
        events.RoomDeleted,
        events.DefaultPermissionsSet,
        events.RecordingConsentSet,
        events.MentionPermissionsSet,
        events.AssistanceSet,
        events.DialInSet,
        # attendees
        events.InvitationsPlanned,
        events.InvitationRepeated,
        events.PermissionsSet,
        events.GuestRenamed,
        events.SessionJoined,
        events.SessionLeft,
        # messages: the service that changes a message posts the system message itself, because it returns it
        events.MessagePosted,
        events.MessageEdited,
        events.MessageDeleted,
        events.HistoryCleared,
        # files: a message that shows one is changed itself
        events.FileChanged,
        events.FileDescribed,
        events.FilesRemoved,
        events.SharedFileChanged,
        events.ReactionAdded,
        events.ReactionRevoked,
        events.ReadMarkerMoved,
        # calls
        events.CallRung,
        events.CallFlagsSet,
        events.RecordingStored,
        events.RecordingDismissed,
        events.SignalingSent,
        events.Notified,
    }
)
"""Events that post no system message. Every event is either here or in `REPORTS`."""

REACTIONS: Reactions = {
    **REPORTS,
    events.MessageDeleted: _delete_reactions,
}
