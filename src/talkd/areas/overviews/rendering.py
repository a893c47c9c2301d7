"""Show rooms to the caller of an operation."""

from typing import Any

import msgspec
from msgspec import UNSET

from talkd.areas.messages import service as messages
from talkd.areas.overviews import service, view
from talkd.areas.overviews.view import RoomView
from talkd.conversation.participant import Attendee, Participant
from talkd.storage.database import Tx
from talkd.web.call import Call


async def render(
    tx: Tx,
    call: Call[Any],
    room_id: int,
    attendee_id: int,
    *,
    browser: str | None = None,
    missed: dict[str, list[str]] | None = None,
    shown_as: Attendee | None = None,
) -> RoomView:
    """Return the room as the caller sees it.

    `browser`: the id of the caller's browser, if the operation changed it.
    `missed`: the participants to invite who could not be added, by kind.
    `shown_as`: another attendee of the caller, whose data the answer shows instead.
    """
    browser = call.caller.browser if browser is None else browser
    overview = await service.get_overview(tx, room_id, attendee_id, browser=browser)
    last = overview.last_message
    names = await messages.get_names(tx, [last]) if last is not None else {}
    online = await service.list_online_partners(tx, [overview], overview.me.attendee.actor_id)
    if shown_as is not None:
        overview = msgspec.structs.replace(overview, me=Participant(overview.me.room, shown_as))
    defaults = await service.get_defaults(tx, call.world.talk_settings, overview.me.attendee.actor_id)
    return view.room(overview, defaults, names, online=online, missed=missed or UNSET)


async def render_mine(tx: Tx, call: Call[Any]) -> RoomView:
    """Return the room of the operation as the caller sees it."""
    return await render(tx, call, call.me.room.id, call.me.attendee.id)
