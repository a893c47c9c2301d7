"""Read messages by their offset from the first one, for clients of 2018."""

import msgspec

from talkd.areas.chat import offset_store
from talkd.areas.messages import service as messages
from talkd.conversation.message import Page
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.storage.database import Tx

STEP = 10_000
"""Maximum number of rows that one transaction reads, so that other tasks can run while a long chat is read."""
LIMIT = 200
"""Maximum number of messages in an answer. Clients get more with a larger offset."""


class Position(msgspec.Struct, frozen=True):
    """A position in the chat: messages up to the id `after` are skipped, and `left` more are still to skip."""

    after: int
    left: int


async def get_beginning(tx: Tx, room: Room, since: int, offset: int) -> Position:
    """Return the position before the first message at `since` (Unix time) or later, with `offset` messages to skip."""
    low, high = 0, room.last_message_id if since > 0 else 0  # ids up to low are older, ids after high are not
    while low < high:
        middle = (low + high) // 2
        found = await offset_store.get_next_time(tx, room.id, middle)
        if found is None or found.created_at >= since:
            high = middle
        else:
            low = found.id
    return Position(low, offset)


async def skip(tx: Tx, room_id: int, position: Position, since: int) -> Position:
    """Skip messages among the next STEP rows, as many as are left to skip. Return the new position.

    At the end of the chat, the position stays the same.
    """
    count, last, seen = await offset_store.count_next(
        tx, room_id, position.after, since, wanted=min(position.left, STEP), step=STEP, now=clock.now()
    )
    if not seen:
        return position
    return Position(last if count == position.left else seen, position.left - count)


async def get_next(tx: Tx, room_id: int, position: Position, since: int) -> tuple[Page, Position]:
    """Return up to LIMIT messages among the next STEP rows, oldest first, and the position after them.

    If the page is empty but the position has moved, more messages may follow.
    """
    now = clock.now()
    count, last, seen = await offset_store.count_next(
        tx, room_id, position.after, since, wanted=LIMIT, step=STEP, now=now
    )
    if not count:
        return Page([], {}, {}), Position(max(seen, position.after), 0)
    found = await offset_store.list_between(tx, room_id, position.after, last, since, now)
    return Page(found, {}, await messages.get_names(tx, found)), Position(last, 0)
