"""Operations of the recording API: for moderators, and for the recording server."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from talkd.areas.files.contents import Contents
from talkd.areas.files.receiving import parts_of
from talkd.areas.recording import service
from talkd.areas.recording.model import HEAD, parse, require_file_name
from talkd.areas.recording.recorder import Recorder
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import NOT_SIGNED, RECORDER, is_signed, lock_room_again
from talkd.web.ocs import Reply
from talkd.web.params import StoredUpload
from talkd.web.routing import USER_MODERATOR, Access, Guard, Routes

routes = Routes("recording")
V1 = ("v1",)
CHECKSUM = f"{RECORDER.name}-checksum"
RECORDING_STATUS = "talkRecordingStatus"
"""The brute-force action that counts recordings that start without a request."""


class StartParams(msgspec.Struct, frozen=True):
    """What to record: 1 for video, 2 for audio only."""

    status: int


class DismissParams(msgspec.Struct, frozen=True):
    """When the recording was stored, as in its notification."""

    timestamp: int


class StoreParams(msgspec.Struct, frozen=True):
    """A recording, and the user who gets it."""

    owner: str = ""
    file: StoredUpload | None = None


class ServerParams(msgspec.Struct, frozen=True):
    """The position of a recording server in the setting, from 0 on."""

    serverId: int


# --- moderators -----------------------------------------------------------------------------
@routes.add(
    "POST", "recording/{token}", *USER_MODERATOR, versions=V1, params=StartParams, access=Access.OWN, errors=(400,)
)
async def start(call: Call[StartParams]) -> None:
    """Record the call."""
    world, status = call.world, call.params.status
    can_record = world.talk_settings.can_record(has_sockets=world.config.calls.signaling == "sockets")

    async def begin(tx: Tx) -> None:
        await lock_room_again(tx, call)
        await service.begin_start(tx, call.me, status, is_available=can_record, address=call.base_url)

    await call.write(begin)
    await world[Recorder].start(call.me, call.base_url, status)


@routes.add("DELETE", "recording/{token}", *USER_MODERATOR, versions=V1, access=Access.OWN)
async def stop(call: Call[Any]) -> None:
    """Stop recording. Nothing happens if the call is not being recorded."""
    await call.world[Recorder].stop(call.me, call.base_url)


@routes.add("DELETE", "recording/{token}/notification", *USER_MODERATOR, versions=V1, params=DismissParams)
async def dismiss(tx: Tx, call: Call[DismissParams]) -> None:
    """Dismiss the notification of a recording. Nothing happens if there is none."""
    await service.dismiss(tx, call.me, call.params.timestamp)


# --- the recording server -------------------------------------------------------------------
_BY_RECORDER: dict[str, Any] = {"versions": V1, "access": Access.OWN, "throttle": RECORDER.action, "csrf": False}


@routes.add("POST", "recording/backend", Guard.NO_LOGIN, **_BY_RECORDER, errors=(400, 403, 404))
async def receive(call: Call[Any]) -> Reply:
    """Learn from the recording server that a recording has started, stopped or failed.

    A report that comes again is answered as before: the recording server repeats one that got no answer.
    """
    if not await is_signed(RECORDER, call.body, call):
        return Reply(NOT_SIGNED, 403)
    message, signature = parse(call.body), call.header(CHECKSUM)
    try:
        await call.write(lambda tx: service.receive(tx, message, signature=signature))
    except Invalid:
        return _problem(400, "unknown_type", "The type of the message is unknown.")
    except NotFound:
        return _problem(404, "no_such_room", "There is no such room.")
    except Forbidden:
        await call.world.throttle.register(RECORDING_STATUS, call.caller.address)
        return _problem(403, "invalid_request", "Nobody asked for this recording.")
    return Reply(None)


@routes.add(
    "POST",
    "recording/{token}/store",
    Guard.NO_LOGIN,
    params=StoreParams,
    signed_by=RECORDER,
    **_BY_RECORDER,
    errors=(400, 401, 404, 413, 507),
)
async def store(call: Call[StoreParams]) -> Reply:
    """Receive a finished recording, and keep it among its owner's files. An upload that comes again is thrown away."""
    world, file, signature = call.world, call.params.file, call.header(CHECKSUM)
    owner = await world.db.read(lambda tx: service.find_owner(tx, call.token, call.params.owner, signature=signature))
    if owner is None:
        return Reply(None)
    if file is None:
        raise Invalid("invalid_file")
    if not file.size:
        raise Invalid("empty_file")
    name = require_file_name(file.name, await asyncio.to_thread(_read_head, file.path))
    keep = partial(service.keep, owner=owner, token=call.token, name=name, signature=signature)
    await (
        world[Contents]
        .begin()
        .receive_for(parts_of(file.path), lambda received: call.write(partial(keep, received=received)), bool)
    )
    return Reply(None)


def _read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _problem(status: int, code: str, message: str) -> Reply:
    return Reply({"type": "error", "error": {"code": code, "message": message}}, status)


# --- administrators -------------------------------------------------------------------------
@routes.add(
    "GET",
    "recording/welcome/{serverId}",
    Guard.ADMIN,
    versions=V1,
    params=ServerParams,
    access=Access.OWN,
    errors=(404, 500),
)
async def check(call: Call[ServerParams]) -> Reply:
    """Ask a recording server for its version."""
    found = await call.world[Recorder].check(call.params.serverId)
    return Reply(found, 500 if "error" in found else 200)
