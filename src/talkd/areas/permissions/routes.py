"""Operations that set permissions."""

from typing import Any

import msgspec

from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.areas.participants import view as participant_view
from talkd.areas.permissions import service
from talkd.core.errors import NULL, Invalid
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import ANY_MODERATOR, Routes

routes = Routes("permissions")
V4 = ("v4",)


class DefaultParams(msgspec.Struct, frozen=True):
    """Permission bits. 0 means the default of the server."""

    permissions: int


class AttendeeParams(msgspec.Struct, frozen=True):
    """An attendee, and the permission bits to set, add or remove: `method` is `set`, `add` or `remove`."""

    attendeeId: int
    method: str
    permissions: int


class EverybodyParams(msgspec.Struct, frozen=True):
    """Permission bits for all attendees."""

    method: str
    permissions: int


@routes.add(
    "PUT", "room/{token}/permissions/default", *ANY_MODERATOR, versions=V4, params=DefaultParams, returns=RoomView
)
async def set_default(tx: Tx, call: Call[DefaultParams]) -> RoomView:
    """Set the permissions of all attendees who have none of their own."""
    await service.set_default(tx, call.me, call.params.permissions)
    return await rendering.render_mine(tx, call)


@routes.add("PUT", "room/{token}/permissions/call", *ANY_MODERATOR, versions=V4, params=DefaultParams)
async def set_for_call(_tx: Tx, _call: Call[DefaultParams]) -> None:
    """Refuse to set permissions for one call, like the real server (docs/api/compatibility.md)."""
    raise Invalid("mode")


@routes.add(
    "PUT",
    "room/{token}/attendees/permissions",
    *ANY_MODERATOR,
    versions=V4,
    params=AttendeeParams,
    returns=list[participant_view.ParticipantView],
)
async def set_of_attendee(tx: Tx, call: Call[AttendeeParams]) -> list[participant_view.ParticipantView]:
    """Set, add or remove permissions of one attendee."""
    params = call.params
    changed = await service.set_of_attendee(tx, call.me, params.attendeeId, params.method, params.permissions)
    return participant_view.all_participants(changed, viewer=call.me)


@routes.add("PUT", "room/{token}/attendees/permissions/all", *ANY_MODERATOR, versions=V4, params=EverybodyParams)
async def set_of_everybody(_tx: Tx, _call: Call[Any]) -> None:
    """Refuse to set permissions of all attendees, like the real server: set the default instead."""
    raise Invalid(data=NULL)
