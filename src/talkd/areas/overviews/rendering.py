"""Rooms as the caller of an operation sees them."""

from typing import Any

from msgspec import UNSET

from talkd.areas.messages import service as messages
from talkd.areas.overviews import service, view
from talkd.areas.overviews.store import Overview
from talkd.areas.overviews.view import RoomView
from talkd.areas.participants import attendee_service as attendees
from talkd.core.constants import RoomType
from talkd.storage.database import Tx
from talkd.web.call import Call


async def render(
    tx: Tx, call: Call[Any], room_id: int, attendee_id: int, missed: dict[str, list[str]] | None = None
) -> RoomView:
    """The room as the caller sees it now."""
    overview = await service.get_overview(tx, room_id, attendee_id, browser=call.caller.browser)
    last = overview.last_message
    names = await messages.get_names(tx, [last]) if last is not None else {}
    online = await list_online_partners(tx, [overview], overview.me.attendee.actor_id)
    return view.room(overview, call.world.settings.room_defaults, names, online=online, missed=missed or UNSET)


async def render_mine(tx: Tx, call: Call[Any]) -> RoomView:
    """The room that the operation was in, as the caller sees it now."""
    return await render(tx, call, call.me.room.id, call.me.attendee.id)


async def list_online_partners(tx: Tx, overviews: list[Overview], user_id: str) -> set[str]:
    """Return the partners of one-to-one rooms who are online."""
    partners = [
        overview.me.room.partner_of(user_id) for overview in overviews if overview.me.room.type == RoomType.ONE_TO_ONE
    ]
    return await attendees.list_online(tx, partners)
