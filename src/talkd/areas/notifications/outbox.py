"""Create the outstanding notifications of messages, in transactions of their own.

If a message makes the creation fail, it is logged and skipped, so that later messages still notify.
"""

from collections.abc import Awaitable, Callable, Iterator

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import outbox_store, service
from talkd.areas.notifications.model import Listing
from talkd.core.errors import Unavailable
from talkd.core.log import Log
from talkd.storage.database import Database, Tx

log = Log(__name__)

ROOMS = 50
"""Rooms in one transaction."""
QUEUE = "notifications"
"""Name of the queue of these transactions: few run at once, because each may wait for the lock of any room."""
UNAVAILABLE_ROOMS = 2
"""After this many rooms have failed with Unavailable, the other rooms are not tried.

One such room may be locked by another transaction; two mean that the database is unavailable.
"""


async def list_newest(db: Database, user_id: str, may_use_talk: Callable[[Tx, str], Awaitable[bool]]) -> Listing:
    """List the user's newest notifications, after creating the outstanding ones of their rooms.

    The list is empty for users who may not use Talk.
    """

    async def look(tx: Tx) -> tuple[list[int], Listing]:
        if not await may_use_talk(tx, user_id):
            return [], Listing([], {})
        return await outbox_store.list_rooms_of(tx, user_id), await service.list_newest(tx, user_id)

    room_ids, listing = await db.read(look)
    if room_ids:
        await deliver(db, room_ids)
        _, listing = await db.read(look)
    return listing


async def deliver(db: Database, room_ids: list[int]) -> None:
    """Create the outstanding notifications of these rooms.

    Rooms that fail because the database is unavailable are tried again by the job.
    """
    for some in _batches(room_ids):
        try:
            await _deliver_together(db, some)
        except Exception:
            await _deliver_one_by_one(db, some)


async def _deliver_together(db: Database, room_ids: list[int]) -> None:
    while not await db.write(lambda tx: delivery.notify_of_messages(tx, room_ids), queue=QUEUE):
        pass


async def _deliver_one_by_one(db: Database, room_ids: list[int]) -> None:
    unavailable = 0
    for room_id in room_ids:
        try:
            while not await _deliver_next(db, room_id):
                pass
        except Unavailable:
            unavailable += 1
            if unavailable == UNAVAILABLE_ROOMS:
                return
        except Exception:
            log.exception("notifications_failed", room=room_id)


async def _deliver_next(db: Database, room_id: int) -> bool:
    """Notify users of a room's next message, or skip it if that fails. Return True if it was the last one.

    The message is skipped by its id: if two callers fail on the same message, the second must not skip the next one.
    """
    message_id = await db.read(lambda tx: delivery.get_oldest_outstanding(tx, room_id))
    try:
        return await db.write(lambda tx: delivery.notify_of_messages(tx, [room_id], 1), queue=QUEUE)
    except Unavailable:
        raise
    except Exception:
        log.exception("message_not_notified", room=room_id)
        await db.write(lambda tx: delivery.skip_messages(tx, room_id, message_id), queue=QUEUE)
        return False


def _batches(room_ids: list[int]) -> Iterator[list[int]]:
    return (room_ids[start : start + ROOMS] for start in range(0, len(room_ids), ROOMS))
