"""Operations of the notifications API v2."""

from typing import Any

import msgspec

from talkd.areas.notifications import outbox, service, view
from talkd.core.errors import NULL, NotFound
from talkd.storage.database import Tx
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("notifications", base="/apps/notifications/api")
V2 = ("v2",)


class NotificationParams(msgspec.Struct, frozen=True):
    """One of the caller's notifications."""

    id: int


class ExistsParams(msgspec.Struct, frozen=True):
    """The notifications to look for."""

    ids: list[int]


@routes.add("GET", "notifications", Guard.USER, versions=V2, access=Access.OWN, returns=list[view.NotificationView])
async def list_newest(call: Call[Any]) -> Reply:
    """List the newest notifications. The answer is 304 if they still match the tag in If-None-Match."""
    listing = await outbox.list_newest(call.world.db, call.user_id, call.world.may_use_talk)
    shown = view.notifications(listing, call.base_url)
    etag = etags.of_data(shown)
    if call.knows(etag):
        return Reply([], 304, {"ETag": etag})
    return Reply(shown, headers={"ETag": etag})


@routes.add(
    "GET", "notifications/{id}", Guard.USER, versions=V2, params=NotificationParams, returns=view.NotificationView
)
async def get(tx: Tx, call: Call[NotificationParams]) -> view.NotificationView:
    """Get one notification."""
    if not await call.world.may_use_talk(tx, call.user_id):
        raise NotFound(data=NULL)
    return view.notifications(await service.get(tx, call.user_id, call.params.id), call.base_url)[0]


@routes.add("POST", "notifications/exists", Guard.USER, versions=V2, params=ExistsParams, returns=list[int])
async def list_existing(tx: Tx, call: Call[ExistsParams]) -> list[int]:
    """List which of these notifications still exist."""
    if not await call.world.may_use_talk(tx, call.user_id):
        return []
    return await service.list_existing(tx, call.user_id, call.params.ids)


@routes.add("DELETE", "notifications/{id}", Guard.USER, versions=V2, params=NotificationParams)
async def dismiss(tx: Tx, call: Call[NotificationParams]) -> None:
    """Dismiss one notification."""
    await service.dismiss(tx, call.user_id, call.params.id)


@routes.add("DELETE", "notifications", Guard.USER, versions=V2)
async def dismiss_all(tx: Tx, call: Call[Any]) -> None:
    """Dismiss all notifications."""
    await service.dismiss_all(tx, call.user_id)
