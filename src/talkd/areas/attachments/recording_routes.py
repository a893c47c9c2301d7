"""Sharing the recordings of calls in the rooms of the calls."""

from typing import Any

import msgspec

from talkd.areas.attachments import service
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import USER_MODERATOR, Routes

routes = Routes("recording")


class ShareParams(msgspec.Struct, frozen=True):
    """The recording, and when it was stored, as in its notification."""

    fileId: int
    timestamp: int


@routes.add("POST", "recording/{token}/share-chat", *USER_MODERATOR, versions=("v1",), params=ShareParams)
async def share(tx: Tx, call: Call[ShareParams]) -> Any:
    """Post a recording of the caller to the chat, and dismiss its notification."""
    params = call.params
    await service.share_recording(tx, call.me, params.fileId, params.timestamp, base_url=call.base_url)
