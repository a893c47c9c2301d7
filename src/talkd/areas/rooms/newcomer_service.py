"""List a user's rooms, and create the first ones: a note to self, and a changelog with the welcome texts."""

import msgspec

from talkd.areas.messages import service as messages
from talkd.areas.overviews import service as overviews
from talkd.areas.overviews.store import Overview
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.settings import service as settings
from talkd.conversation import room_store
from talkd.conversation.message import Names
from talkd.conversation.room import CHANGELOG_NAME
from talkd.core import clock
from talkd.core.actor import BOTS, SYSTEM, Actor
from talkd.core.constants import ReadOnly, RoomType
from talkd.core.events import RoomCreated
from talkd.storage.database import Tx

CHANGELOG = Actor(BOTS, "changelog", CHANGELOG_NAME)
TEXTS = (
    "## Welcome!\nHere you read what is new on this server. You can leave this conversation at any time.",
    """## Good to know
- *Note to self* is a conversation that only you see: for lists, links and drafts
- Write `@` to call for somebody's attention, or `@all` for everybody's
- Messages understand Markdown
- A public conversation can be joined by everybody who has its link, without an account""",
)
"""The messages of a new changelog."""
_WELCOME_ROOMS = (RoomType.CHANGELOG, RoomType.NOTE_TO_SELF)


class RoomList(msgspec.Struct, frozen=True):
    """Rooms as their user sees them, with the names in their last messages, and the partners who are online."""

    overviews: list[Overview]
    names: Names
    online: set[str] | None


async def list_rooms(
    tx: Tx,
    user_id: str,
    *,
    browser: str,
    since: int,
    with_last_message: bool,
    with_status: bool,
    is_welcomed: bool = False,
) -> RoomList | None:
    """Return the rooms of a user that changed `since` a time (0: all), or None for a user to `welcome` first."""
    found = await overviews.list_overviews(tx, user_id, browser=browser, since=since, with_one_to_ones=with_status)
    is_known = is_welcomed or since > 0
    # A user who already has a welcome room is not new; skip the lookup.
    is_known = is_known or any(overview.me.room.type in _WELCOME_ROOMS for overview in found)
    if not is_known and not await settings.is_welcomed(tx, user_id):
        return None
    last = [overview.last_message for overview in found if overview.last_message is not None]
    names = await messages.get_names(tx, last) if with_last_message else {}
    online = await overviews.list_online_partners(tx, found, user_id) if with_status else None
    return RoomList(found, names, online)


async def welcome(tx: Tx, user: Actor, *, with_changelog: bool) -> None:
    """Create the first rooms of a user. Does nothing the second time."""
    if not await settings.add_welcomed(tx, user.id):
        return
    if with_changelog:
        await _add_changelog(tx, user)
    await creation.get_note_to_self(tx, user, by=SYSTEM)


async def _add_changelog(tx: Tx, user: Actor) -> None:
    room = await room_store.add_room(
        tx,
        token=await creation.new_token(tx),
        type=RoomType.CHANGELOG,
        name=user.id,
        now=clock.now(),
    )
    await room_store.set_field(tx, room.id, "read_only", ReadOnly.READ_ONLY)
    await tx.emit(RoomCreated(room.id, SYSTEM))
    await participants.add_user(tx, room, SYSTEM, user.id, user.name, quiet=True)
    for text in TEXTS:
        await messages.post(tx, room, CHANGELOG, text)
