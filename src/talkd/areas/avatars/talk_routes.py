"""`temp-user-avatar`: how the mobile apps set their user's own picture."""

from typing import Any

from talkd.areas.avatars import service
from talkd.areas.avatars.routes import NewAvatar, store_upload
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Routes

routes = Routes("avatars", base="/apps/spreed")


@routes.add("POST", "temp-user-avatar", Guard.USER, params=NewAvatar, access=Access.OWN)
async def set_avatar(call: Call[NewAvatar]) -> Any:
    """Set one's own picture: PNG, JPEG or WebP."""
    await store_upload(call)


@routes.add("DELETE", "temp-user-avatar", Guard.USER)
async def remove_avatar(tx: Tx, call: Call[NoParams]) -> Any:
    """Remove one's own picture."""
    await service.remove_image(tx, call.user_id)
