"""What the server reports in a room about what was done there. Inside the transaction."""

from collections.abc import Awaitable, Callable
from typing import Any

from talkd.areas.messages import service as messages
from talkd.areas.messages.system_texts import MISSED, SILENT
from talkd.conversation.access import lock_room
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
"""Names in the report that a call has ended, the guests and the others being one each; they are only counted."""


def _reported(report: Report) -> Reaction:
    async def react(tx: Tx, event: Any) -> None:
        try:
            room = await lock_room(tx, event.room_id)
        except NotFound:
            return  # the room went in the same transaction, and with it everybody who could read the report
        await report(tx, room, event)

    return react


def _unless_quiet(reaction: Reaction) -> Reaction:
    async def react(tx: Tx, event: events.AttendeeAdded | events.AttendeeRemoved) -> None:
        if not event.quiet:
            await reaction(tx, event)

    return react


def _plain(system: str) -> Report:
    async def report(tx: Tx, room: Room, event: events.RoomEvent) -> None:
        await messages.post_system(tx, room, event.actor, system)

    return report


def _either(choose: Callable[[Any], bool], if_so: str, else_: str) -> Report:
    async def report(tx: Tx, room: Room, event: events.RoomEvent) -> None:
        await messages.post_system(tx, room, event.actor, if_so if choose(event) else else_)

    return report


def _about(verb: str) -> Report:
    """About a person or group: user_added, group_removed and the like."""

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
    if event.is_closed != event.was_closed:
        await messages.post_system(tx, room, event.actor, "lobby_non_moderators" if event.is_closed else "lobby_none")


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


def _reference(actor: Actor) -> Reference:
    return Reference("phone" if actor.type == PHONES else actor.type, actor.id, actor.name)


_REPORTS: dict[type[events.Event], Report] = {
    events.RoomCreated: _plain("conversation_created"),
    events.RoomRenamed: _renamed,
    events.DescriptionSet: _either(lambda event: bool(event.description), "description_set", "description_removed"),
    events.AvatarSet: _either(lambda event: event.is_set, "avatar_set", "avatar_removed"),
    events.GuestsAllowed: _plain("guests_allowed"),
    events.GuestsDisallowed: _plain("guests_disallowed"),
    events.PasswordSet: _either(lambda event: event.is_set, "password_set", "password_removed"),
    events.ReadOnlySet: _either(lambda event: event.read_only, "read_only", "read_only_off"),
    events.BreakoutRoomsStarted: _plain("breakout_rooms_started"),
    events.BreakoutRoomsStopped: _plain("breakout_rooms_stopped"),
    events.MessageExpirationSet: _expiration_set,
    events.ListableSet: _listable,
    events.LobbySet: _lobby,
    events.LobbyTimerReached: _plain("lobby_timer_reached"),
    events.ModeratorPromoted: _role("promoted"),
    events.ModeratorDemoted: _role("demoted"),
    events.CallStarted: _call_started,
    events.CallJoined: _call_joined,
    events.CallLeft: _call_left,
    events.CallEnded: _call_ended,
}
"""What the server reports of an event."""

REACTIONS: Reactions = {
    **{kind: _reported(report) for kind, report in _REPORTS.items()},
    events.AttendeeAdded: _unless_quiet(_reported(_about("added"))),
    events.AttendeeRemoved: _unless_quiet(_reported(_about("removed"))),
}
