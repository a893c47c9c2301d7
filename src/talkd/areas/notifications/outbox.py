"""Create the notifications that messages have not created yet, in transactions of their own.

A message that cannot be notified of must not keep others waiting: it is skipped and logged.
"""

from collections.abc import Iterator

import structlog

from talkd.areas.notifications import delivery_service as delivery
from talkd.core.errors import Unavailable
from talkd.storage.database import Database

log = structlog.get_logger(__name__)

ROOMS = 50
"""Rooms looked at in one transaction."""
QUEUE = "notifications"
"""They may wait for any room, so they wait for each other."""
UNAVAILABLE_ROOMS = 2
"""One may be locked by somebody; after two the database itself cannot be used, and the rest waits too."""


async def deliver(db: Database, room_ids: list[int]) -> None:
    """Notify people of everything that was posted in these rooms so far.

    What fails because the database is unavailable is tried again by the job.
    """
    for some in _portions(room_ids):
        try:
            await _deliver_together(db, some)
        except Exception:
            await _deliver_one_by_one(db, some)


async def _deliver_together(db: Database, room_ids: list[int]) -> None:
    while not await db.write(lambda tx: delivery.settle(tx, room_ids), queue=QUEUE):
        pass


async def _deliver_one_by_one(db: Database, room_ids: list[int]) -> None:
    put_off = 0
    for room_id in room_ids:
        try:
            while not await _deliver_next(db, room_id):
                pass
        except Unavailable:
            put_off += 1
            if put_off == UNAVAILABLE_ROOMS:
                return
        except Exception:
            log.exception("notifications_failed", room=room_id)


async def _deliver_next(db: Database, room_id: int) -> bool:
    """Notify people of a room's next message, or skip it if that fails. Return True if it was the last one.

    Two callers may come upon the same broken message: it is skipped by its id, so that neither skips the one after it.
    """
    message_id = await db.read(lambda tx: delivery.get_next(tx, room_id))
    try:
        return await db.write(lambda tx: delivery.settle(tx, [room_id], 1), queue=QUEUE)
    except Unavailable:
        raise
    except Exception:
        log.exception("message_not_told", room=room_id)
        await db.write(lambda tx: delivery.skip(tx, room_id, message_id), queue=QUEUE)
        return False


def _portions(room_ids: list[int]) -> Iterator[list[int]]:
    return (room_ids[start : start + ROOMS] for start in range(0, len(room_ids), ROOMS))
