"""Operations of the call API."""

from typing import Any

import msgspec

from talkd.areas.calls import service, view
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import find_participant
from talkd.web.ocs import Reply
from talkd.web.routing import ANY_MODERATOR, IN_ROOM, Guard, Routes

routes = Routes("call")
V4 = ("v4",)


class JoinParams(msgspec.Struct, frozen=True):
    """The `flags` say what the device sends; null stands for audio and video."""

    flags: int | None = None
    silent: bool = False
    silentFor: list[str] = []
    recordingConsent: bool = False


class FlagsParams(msgspec.Struct, frozen=True):
    """What the device sends from now on."""

    flags: int


class LeaveParams(msgspec.Struct, frozen=True):
    """Whether the call ends for everyone."""

    all: bool = False


class RingParams(msgspec.Struct, frozen=True):
    """The attendee to notify."""

    attendeeId: int


class DownloadParams(msgspec.Struct, frozen=True):
    """The format of the list; only csv is known."""

    format: str = "csv"


@routes.add(
    "GET",
    "call/{token}",
    *IN_ROOM,
    Guard.CALLS_ENABLED,
    Guard.PAST_LOBBY,
    Guard.READ_WRITE,
    versions=V4,
    returns=list[view.PeerView],
)
async def list_peers(tx: Tx, call: Call[Any]) -> list[view.PeerView]:
    """List the devices in the call."""
    return view.peers(call.me.room, await service.list_peers(tx, call.me.room))


@routes.add(
    "POST",
    "call/{token}",
    *IN_ROOM,
    Guard.CALLS_ENABLED,
    Guard.PAST_LOBBY,
    Guard.READ_WRITE,
    versions=V4,
    params=JoinParams,
)
async def join(tx: Tx, call: Call[JoinParams]) -> None:
    """Join the call, or start it."""
    await service.join(
        tx,
        call.me,
        call.params.flags,
        silent=call.params.silent,
        silent_for=tuple(call.params.silentFor),
        has_consented=call.params.recordingConsent,
        talk_settings=call.world.talk_settings,
    )


@routes.add(
    "POST",
    "call/{token}/ring/{attendeeId}",
    *IN_ROOM,
    Guard.CALLS_ENABLED,
    Guard.PAST_LOBBY,
    versions=V4,
    params=RingParams,
)
async def ring(tx: Tx, call: Call[RingParams]) -> None:
    """Notify an attendee of the running call."""
    everyone_may_ring = call.world.talk_settings.everyone_may_ring
    await service.ring(tx, call.me, call.params.attendeeId, everyone_may_ring=everyone_may_ring)


@routes.add("GET", "call/{token}/notification-state", Guard.USER, versions=V4)
async def get_notification_state(tx: Tx, call: Call[Any]) -> Reply:
    """Answer 200 if the call still rings for the caller, 201 if it is over, and 404 if the caller has joined it."""
    me = await find_participant(tx, call)
    if me is None:
        raise NotFound(data=NULL)
    return Reply(None, 200 if service.is_ringing(me) else 201)


@routes.add(
    "GET", "call/{token}/download", *ANY_MODERATOR, versions=V4, params=DownloadParams, csrf=False
)  # clients open it as a link, which sends neither header nor token
async def download_attendance(tx: Tx, call: Call[DownloadParams]) -> Reply:
    """Download a list of who joined the running call, as CSV."""
    headers = {"Content-Disposition": f'attachment; filename="call-{call.token}.csv"'}
    try:
        if call.params.format != "csv":
            raise Invalid
        attendance = await service.list_attendance(tx, call.me)
    except Invalid:
        return Reply(status=400, content=b"", content_type="text/html; charset=utf-8")
    return Reply(content=view.attendance(attendance), content_type="text/csv; charset=utf-8", headers=headers)


@routes.add("PUT", "call/{token}", *IN_ROOM, versions=V4, params=FlagsParams)
async def set_flags(tx: Tx, call: Call[FlagsParams]) -> None:
    """Change what the device sends: audio, video or neither."""
    await service.set_flags(tx, call.me, call.params.flags)


@routes.add("DELETE", "call/{token}", *IN_ROOM, versions=V4, params=LeaveParams)
async def leave(tx: Tx, call: Call[LeaveParams]) -> None:
    """Leave the call, or end it for everyone."""
    await service.leave(tx, call.me, for_everyone=call.params.all)
