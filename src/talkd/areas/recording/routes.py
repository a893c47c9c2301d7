"""Operations of the recording API."""

from typing import Any

import msgspec

from talkd.areas.recording import service
from talkd.areas.recording.model import secret_of
from talkd.core.errors import NotAvailable
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.guards import NOT_SIGNED, verify_signature
from talkd.web.ocs import Reply
from talkd.web.routing import USER_MODERATOR, Access, Guard, Routes

routes = Routes("recording")
V1 = ("v1",)
RECORDER_SECRET = "talkRecordingSecret"
"""The brute-force action that counts wrong checksums."""


class StartParams(msgspec.Struct, frozen=True):
    """What to record: 1 for video, 2 for audio only."""

    status: int


@routes.add("POST", "recording/{token}", *USER_MODERATOR, versions=V1, params=StartParams)
async def start(_tx: Tx, call: Call[StartParams]) -> None:
    """Record the call. Always refused: this release works with no recording server."""
    service.start(call.me, call.params.status)


@routes.add("DELETE", "recording/{token}", *USER_MODERATOR, versions=V1)
async def stop(_tx: Tx, _call: Call[Any]) -> None:
    """Stop recording. Nothing happens if the call is not being recorded."""


@routes.add("DELETE", "recording/{token}/notification", *USER_MODERATOR, versions=V1)
async def dismiss(_tx: Tx, _call: Call[Any]) -> None:
    """Dismiss the notification of a recording. Nothing happens if there is none."""


@routes.add(
    "POST",
    "recording/{token}/store",
    Guard.NO_LOGIN,
    versions=V1,
    access=Access.OWN,
    throttle=RECORDER_SECRET,
    csrf=False,
    errors=(401, 501),
)
async def store(call: Call[Any]) -> Reply:
    """Receive a finished recording. Always refused: this release works with no recording server."""
    secret = secret_of(call.world.talk_settings.text("recording_servers"))
    if await verify_signature(call, sender="talk-recording", secret=secret, action=RECORDER_SECRET):
        raise NotAvailable("recording")
    return Reply(NOT_SIGNED, 401)
