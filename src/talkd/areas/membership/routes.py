"""Operations on the participants of a room."""

from typing import Any

import msgspec

from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import view as participant_view
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms import service as rooms
from talkd.areas.rooms.member_changes import MemberChanges
from talkd.areas.rooms.member_model import Newcomer, Progress
from talkd.conversation.participant import AttendeeList, Participant
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import lock_room_again
from talkd.web.ocs import Reply
from talkd.web.routing import ANY_MODERATOR, IN_ROOM, PAST_LOBBY, USER_IN_ROOM, USER_MODERATOR, Access, Routes

routes = Routes("participant")
V4 = ("v4",)


class ListParams(msgspec.Struct, frozen=True):
    """Query of the participant list."""

    includeStatus: bool = False


class AddParams(msgspec.Struct, frozen=True):
    """The participant to add; `source` is the kind of actor."""

    newParticipant: str
    source: str = "users"


class AttendeeParams(msgspec.Struct, frozen=True):
    """The id of an attendee."""

    attendeeId: int


class NameParams(msgspec.Struct, frozen=True):
    """The new name of a guest."""

    displayName: str


@routes.add(
    "GET",
    "room/{token}/participants",
    *PAST_LOBBY,
    versions=V4,
    params=ListParams,
    returns=list[participant_view.ParticipantView],
)
async def list_participants(tx: Tx, call: Call[ListParams]) -> Reply:
    """List the participants of a conversation."""
    me = call.me
    return listed(me, await attendees.list_with_sessions(tx, me, [me.room], with_status=call.params.includeStatus))


def listed(me: Participant, found: AttendeeList) -> Reply:
    """Return the answer with the attendees as `me` may see them. A header says whether it has statuses."""
    data = participant_view.all_participants(found, viewer=me)
    return Reply(data, 200, {} if found.online is None else {"X-Nextcloud-Has-User-Statuses": "true"})


@routes.add(
    "POST",
    "room/{token}/participants",
    *USER_MODERATOR,
    versions=V4,
    params=AddParams,
    access=Access.OWN,
)
async def add_participant(call: Call[AddParams]) -> dict[str, int] | list[Any]:
    """Add a user, a group, an e-mail address or a phone number."""
    newcomer = Newcomer(call.params.source, call.params.newParticipant)

    async def work(tx: Tx) -> Progress:
        await lock_room_again(tx, call)
        most = call.world.config.sizes.attendees
        return await members.add_one(tx, call.me, newcomer, call.world.talk_settings, most=most)

    done = await call.world[MemberChanges].finish(await call.write(work))
    return [] if done.room_type is None else {"type": int(done.room_type)}


@routes.add("DELETE", "room/{token}/participants/self", *USER_IN_ROOM, versions=V4)
async def leave(tx: Tx, call: Call[Any]) -> None:
    """Leave a conversation for good."""
    await rooms.leave(tx, call.me, deletes_one_to_one=call.world.talk_settings.can_delete_one_to_one)


@routes.add("DELETE", "room/{token}/attendees", *ANY_MODERATOR, versions=V4, params=AttendeeParams, access=Access.OWN)
async def remove_attendee(call: Call[AttendeeParams]) -> None:
    """Remove a participant from a conversation."""

    async def work(tx: Tx) -> Progress:
        await lock_room_again(tx, call)
        return await members.remove_attendee(tx, call.me, call.params.attendeeId, call.world.talk_settings)

    await call.world[MemberChanges].finish(await call.write(work))


@routes.add("POST", "room/{token}/moderators", *ANY_MODERATOR, versions=V4, params=AttendeeParams)
async def promote(tx: Tx, call: Call[AttendeeParams]) -> None:
    """Make a participant a moderator."""
    await attendees.promote(tx, call.me, call.params.attendeeId)


@routes.add("DELETE", "room/{token}/moderators", *ANY_MODERATOR, versions=V4, params=AttendeeParams)
async def demote(tx: Tx, call: Call[AttendeeParams]) -> None:
    """Make a moderator a normal participant."""
    await attendees.demote(tx, call.me, call.params.attendeeId)


@routes.add("POST", "guest/{token}/name", *IN_ROOM, versions=("v1",), params=NameParams)
async def rename_guest(tx: Tx, call: Call[NameParams]) -> None:
    """Set the name of a guest."""
    await attendees.rename_guest(tx, call.me, call.params.displayName)
