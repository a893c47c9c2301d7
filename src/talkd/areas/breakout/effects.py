"""Make breakout rooms follow changes of their parent room, in the transaction of the event."""

from collections.abc import Awaitable, Callable
from typing import Any

from talkd.areas.breakout import service
from talkd.areas.breakout.model import Mode
from talkd.conversation import attendee_store, room_store
from talkd.conversation.room import Room
from talkd.core import events
from talkd.core.actor import USERS
from talkd.core.errors import NotFound
from talkd.storage.database import Reaction, Reactions, Tx

Follow = Callable[[Tx, Room, Any], Awaitable[None]]


def _in_room(follow: Follow, *, only_parents: bool = True) -> Reaction:
    """Return a reaction that locks the room, then calls `follow`: by default only if the room has breakout rooms."""

    async def react(tx: Tx, event: events.RoomEvent) -> None:
        try:
            room = await room_store.lock_room(tx, event.room_id)
        except NotFound:
            return  # the room was deleted in the same transaction
        if not only_parents or room.breakout_mode != Mode.NONE:
            await follow(tx, room, event)

    return react


def _of_users(reaction: Reaction) -> Reaction:
    async def react(tx: Tx, event: events.AttendeeAdded | events.AttendeeRemoved) -> None:
        if event.target.type == USERS:
            await reaction(tx, event)

    return react


async def _deleted(tx: Tx, event: events.RoomDeleted) -> None:
    await service.delete_rooms(tx, event.token, event.actor)


async def _arrived(tx: Tx, room: Room, event: events.AttendeeAdded) -> None:
    await service.follow_arrival(tx, room, event.actor, event.attendee_id)


async def _removed(tx: Tx, parent: Room, event: events.AttendeeRemoved | events.ModeratorDemoted) -> None:
    await service.follow_removal(tx, parent, event.actor, event.target)


async def _defaults_set(tx: Tx, parent: Room, event: events.DefaultPermissionsSet) -> None:
    await service.follow_defaults(tx, parent, event.actor, event.permissions)


async def _consent_set(tx: Tx, parent: Room, event: events.RecordingConsentSet) -> None:
    await service.follow_consent(tx, parent, event.recording_consent)


async def _promoted(tx: Tx, parent: Room, event: events.ModeratorPromoted) -> None:
    attendee = await attendee_store.get_attendee(tx, parent.id, event.attendee_id)
    if attendee is not None and attendee.actor_type == USERS:
        await service.follow_promotion(tx, parent, event.actor, attendee)


async def _permissions_set(tx: Tx, parent: Room, event: events.PermissionsSet) -> None:
    attendee = await attendee_store.get_attendee(tx, parent.id, event.attendee_id)
    if attendee is not None and attendee.actor_type == USERS:
        await service.follow_permissions(tx, parent, event.actor, attendee)


REACTIONS: Reactions = {
    events.RoomDeleted: _deleted,
    events.AttendeeAdded: _of_users(_in_room(_arrived, only_parents=False)),
    events.AttendeeRemoved: _of_users(_in_room(_removed)),
    events.ModeratorPromoted: _in_room(_promoted),
    events.ModeratorDemoted: _in_room(_removed),
    events.PermissionsSet: _in_room(_permissions_set),
    events.DefaultPermissionsSet: _in_room(_defaults_set),
    events.RecordingConsentSet: _in_room(_consent_set),
}
