"""Finding again what was shared."""

from talkd.areas.messages import service as messages
from talkd.areas.sharing import store
from talkd.conversation.message import Page
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.storage.database import Tx


async def get_overview(tx: Tx, me: Participant, limit: int) -> tuple[Page, dict[str, list[int]]]:
    """The newest things of every kind, and by kind the ids of theirs, newest first."""
    found = await store.list_newest(tx, me.room.id, limit, clock.now())
    every = [each for things in found.values() for each in things]
    page = await messages.complete(tx, me.room.id, every, viewer=me.actor)
    return page, {kind: [message.id for message in things] for kind, things in found.items()}


async def list_shared(tx: Tx, me: Participant, kind: str, *, known: int, limit: int) -> Page:
    """Things of one kind before message `known` (0: from the newest), newest first."""
    before = known if known > 0 else ABOVE_ALL_IDS
    things = await store.list_before(tx, me.room.id, kind, before, limit, clock.now())
    return await messages.complete(tx, me.room.id, things, viewer=me.actor)
