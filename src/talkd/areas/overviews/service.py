"""Read rooms as their attendees see them."""

import msgspec

from talkd.areas.overviews import store
from talkd.areas.overviews.model import Overview
from talkd.areas.participants import attendee_service as attendees
from talkd.areas.sip import service as sip
from talkd.conversation.settings import RoomDefaults, TalkSettings
from talkd.core import clock
from talkd.core.constants import RoomType
from talkd.core.errors import NotFound
from talkd.storage.database import Tx


async def list_overviews(
    tx: Tx, user_id: str, *, browser: str, since: int = 0, with_one_to_ones: bool = False
) -> list[Overview]:
    """Return the rooms of a user that changed since `since` (0: all), in one query.

    `with_one_to_ones` adds all one-to-one rooms, so that the statuses of the other users are reported.
    """
    return await store.list_overviews(
        tx, user_id, browser=browser, since=since, with_one_to_ones=with_one_to_ones, now=clock.now()
    )


async def get_overview(tx: Tx, room_id: int, attendee_id: int, *, browser: str) -> Overview:
    """Return a room as one attendee sees it. Raises NotFound."""
    overview = await store.get_overview(tx, room_id, attendee_id, browser=browser, now=clock.now())
    if overview is None:
        raise NotFound
    return overview


async def get_defaults(tx: Tx, talk_settings: TalkSettings, user_id: str) -> RoomDefaults:
    """Return the settings that apply to every room, as they are for one user. Guests enable nothing."""
    defaults = talk_settings.room_defaults
    if not defaults.can_enable_dial_in or await sip.can_enable_dial_in(tx, talk_settings, user_id):
        return defaults
    return msgspec.structs.replace(defaults, can_enable_dial_in=False)


async def list_online_partners(tx: Tx, overviews: list[Overview], user_id: str) -> set[str]:
    """Return the other users of the one-to-one rooms who are online."""
    partners = [
        overview.me.room.partner_of(user_id) for overview in overviews if overview.me.room.type == RoomType.ONE_TO_ONE
    ]
    return await attendees.list_online(tx, partners)
