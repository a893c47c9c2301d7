"""Share things in a room, and list what was shared."""

from talkd.areas.messages import service as messages
from talkd.areas.sharing import store
from talkd.areas.sharing.model import kind_of, require_thing
from talkd.conversation.message import Page, SentMessage
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.storage.database import Tx


async def share(
    tx: Tx,
    me: Participant,
    object_type: str,
    object_id: str,
    meta_data: str,
    *,
    home: str,
    reference_id: str = "",
    silent: bool = False,
    guest_name: str = "",
) -> SentMessage:
    """Post a message that shows a thing. Parameters and errors are those of `require_thing`."""
    thing = require_thing(object_type, object_id, meta_data, home)
    message, is_new = await messages.share(
        tx, me, thing, kind_of(object_type), reference_id=reference_id, silent=silent, guest_name=guest_name
    )
    return await messages.complete_sent(tx, me, message, is_new=is_new)


async def get_overview(tx: Tx, me: Participant, limit: int) -> tuple[Page, dict[str, list[int]]]:
    """Return the newest `limit` things of each kind, and the ids of their messages by kind, newest first."""
    found = await store.list_newest(tx, me.room.id, limit, clock.now())
    every = [each for things in found.values() for each in things]
    page = await messages.complete(tx, me.room.id, every, viewer=me.actor)
    return page, {kind: [message.id for message in things] for kind, things in found.items()}


async def list_shared(tx: Tx, me: Participant, kind: str, *, known: int, limit: int) -> Page:
    """Return the things of one kind before the message `known` (0: the newest ones), newest first."""
    before = known if known > 0 else ABOVE_ALL_IDS
    things = await store.list_before(tx, me.room.id, kind, before, limit, clock.now())
    return await messages.complete(tx, me.room.id, things, viewer=me.actor)
