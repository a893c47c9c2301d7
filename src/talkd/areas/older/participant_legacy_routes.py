"""Operations on participants in API v1, v2 and v3."""

from typing import Any

import msgspec

from talkd.areas.invitations import routes as invitations
from talkd.areas.membership import routes as today
from talkd.areas.membership.routes import ListParams
from talkd.areas.older import participant_legacy as legacy
from talkd.areas.older import service
from talkd.areas.older.room_legacy import nothing
from talkd.areas.rooms import service as rooms
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import NoParams
from talkd.web.routing import ANY_MODERATOR, IN_ROOM, MODERATOR_WITH_ACCOUNT, Routes

routes = Routes("participant")
_OLD = ("v1", "v2", "v3")


class RemovalParams(msgspec.Struct, frozen=True):
    """The attendee to remove: the id of a user, or the session id of a guest. No attendee has the empty id."""

    participant: str = ""


class RoleParams(msgspec.Struct, frozen=True):
    """A user by id, or a guest by session id."""

    participant: str = ""
    sessionId: str = ""


class AnyRoleParams(msgspec.Struct, frozen=True):
    """An attendee by id, or a user or guest as in v1."""

    attendeeId: int | None = None
    participant: str = ""
    sessionId: str = ""


routes.older(
    today.routes,
    today.list_participants,
    "v1",
    params=NoParams,
    reads=lambda _: ListParams(),
    answers=legacy.participants_v1,
    returns=list[legacy.ParticipantV1],
)
routes.older(
    today.routes, today.list_participants, "v2", answers=legacy.participants_v2, returns=list[legacy.ParticipantV2]
)
routes.older(
    today.routes, today.list_participants, "v3", answers=legacy.participants_v3, returns=list[legacy.ParticipantV3]
)
_adding: dict[str, Any] = {"guards": MODERATOR_WITH_ACCOUNT, "refuses": legacy.not_added}
routes.older(today.routes, today.add_participant, "v1", answers=legacy.new_type, returns=Any, **_adding)
routes.older(today.routes, today.add_participant, "v2", "v3", **_adding)
routes.older(today.routes, today.leave, "v2", "v3", guards=IN_ROOM, answers=nothing)
routes.older(today.routes, today.remove_attendee, "v3", answers=nothing)
routes.older(invitations.routes, invitations.repeat_invitations, "v3", answers=nothing)


@routes.add("DELETE", "room/{token}/participants/self", *IN_ROOM, versions=("v1",))
async def leave(tx: Tx, call: Call[Any]) -> list[Any]:
    """Leave a conversation for good. In v1 the last owner may leave too (docs/api/api-v1-2018.md)."""
    deletes_one_to_one = call.world.talk_settings.can_delete_one_to_one
    await rooms.leave(tx, call.me, deletes_one_to_one=deletes_one_to_one, may_abandon=True)
    return []


# Apps remove by user id on every server without v4, so v2 and v3 need this operation too.
@routes.add(
    "DELETE",
    "room/{token}/participants",
    *ANY_MODERATOR,
    versions=_OLD,
    params=RemovalParams,
    refuses=legacy.not_removed,
)
async def remove_user(tx: Tx, call: Call[RemovalParams]) -> list[Any]:
    """Remove a user from a conversation."""
    await service.remove_user(tx, call.me, call.params.participant)
    return []


@routes.add("DELETE", "room/{token}/participants/guests", *ANY_MODERATOR, versions=_OLD, params=RemovalParams)
async def remove_guest(tx: Tx, call: Call[RemovalParams]) -> list[Any]:
    """Remove a guest from a conversation."""
    await service.remove_guest(tx, call.me, call.params.participant)
    return []


@routes.add("POST", "room/{token}/moderators", *ANY_MODERATOR, versions=("v1", "v2"), params=RoleParams)
async def promote(tx: Tx, call: Call[Any]) -> list[Any]:
    """Make a user or a guest a moderator."""
    await service.promote(tx, call.me, call.params.participant, call.params.sessionId)
    return []


@routes.add("DELETE", "room/{token}/moderators", *ANY_MODERATOR, versions=("v1", "v2"), params=RoleParams)
async def demote(tx: Tx, call: Call[Any]) -> list[Any]:
    """Make a moderator a normal user or guest."""
    await service.demote(tx, call.me, call.params.participant, call.params.sessionId)
    return []


@routes.add("POST", "room/{token}/moderators", *ANY_MODERATOR, versions=("v3",), params=AnyRoleParams)
async def promote_attendee(tx: Tx, call: Call[Any]) -> list[Any]:
    """Make a participant a moderator."""
    if call.params.attendeeId is None:
        await promote(tx, call)
    else:
        await today.promote(tx, call)
    return []


@routes.add("DELETE", "room/{token}/moderators", *ANY_MODERATOR, versions=("v3",), params=AnyRoleParams)
async def demote_attendee(tx: Tx, call: Call[Any]) -> list[Any]:
    """Make a moderator a normal participant."""
    if call.params.attendeeId is None:
        await demote(tx, call)
    else:
        await today.demote(tx, call)
    return []
