"""Reading a conversation by counting messages from its beginning, the way of 2018."""

import msgspec

from talkd.areas.chat import offset_store as store
from talkd.areas.messages.service import get_names
from talkd.conversation.message import Page
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.storage.database import Tx

STEP = 10_000
"""Rows looked at in one go at most, so that others get their turn in a long conversation."""
LIMIT = 200
"""Messages given at once at most; whoever wants more asks again with a larger offset."""


class Position(msgspec.Struct, frozen=True):
    """A place in a conversation: what is up to the id `after` is passed, and `left` more messages are to be."""

    after: int
    left: int


async def get_beginning(tx: Tx, room: Room, since: int, offset: int) -> Position:
    """Where the messages begin that were said at `since` or later, of which `offset` are known."""
    low, high = 0, room.last_message_id if since > 0 else 0  # older up to low, and not older after high
    while low < high:
        middle = (low + high) // 2
        found = await store.get_next_time(tx, room.id, middle)
        if found is None or found[1] >= since:
            high = middle
        else:
            low = found[0]
    return Position(low, offset)


async def pass_over(tx: Tx, room_id: int, position: Position, since: int) -> Position:
    """Go on by as many messages as are left to pass, STEP rows at most; where nothing follows, stay."""
    count, last, seen = await store.count_next(
        tx, room_id, position.after, since, wanted=min(position.left, STEP), step=STEP, now=clock.now()
    )
    if not seen:
        return position
    return Position(last if count == position.left else seen, position.left - count)


async def get_next(tx: Tx, room_id: int, position: Position, since: int) -> tuple[Page, Position]:
    """The oldest messages from there on, oldest first, of STEP rows and LIMIT messages at most; and what follows them.

    A page without messages at another position is not the end.
    """
    now = clock.now()
    count, last, seen = await store.count_next(tx, room_id, position.after, since, wanted=LIMIT, step=STEP, now=now)
    if not count:
        return Page([], {}, {}), Position(max(seen, position.after), 0)
    said = await store.list_between(tx, room_id, position.after, last, since, now)
    return Page(said, {}, await get_names(tx, said)), Position(last, 0)
