"""Store what polls say when they arrive: which message their client knows, and that it shows the room.

A message that a thousand clients receive makes a thousand clients poll again in the same moment. Those who poll the
same room share a transaction and its statements.
"""

import asyncio
from dataclasses import dataclass, field

from talkd.areas.chat import service
from talkd.areas.chat.service import Arrival
from talkd.core.errors import Unavailable
from talkd.core.log import Log
from talkd.storage.database import Database

MOST = 200
"""Maximum number of polls in one transaction."""

log = Log(__name__)


@dataclass(slots=True)
class _Gathered:
    """Polls of a room that are stored together."""

    arrivals: list[Arrival] = field(default_factory=list)
    stored: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Arrivals:
    """The polls that are arriving, by room. While those of a room are being stored, the next ones gather."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rooms: dict[int, list[_Gathered]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def note(self, arrival: Arrival) -> None:
        """Store what a poll says. Return when it is durable. Raises Unavailable."""
        room_id = arrival.me.room.id
        waiting = self._rooms.get(room_id)
        if waiting is None:
            waiting = self._rooms[room_id] = []
            task = asyncio.ensure_future(self._store_all(room_id, arrival.me.room.token))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not waiting or len(waiting[-1].arrivals) == MOST:
            waiting.append(_Gathered())
        waiting[-1].arrivals.append(arrival)
        await asyncio.shield(waiting[-1].stored)

    async def _store_all(self, room_id: int, token: str) -> None:
        """Store what has gathered for a room, until nothing more has."""
        while waiting := self._rooms[room_id]:
            gathered = waiting.pop(0)
            gathered.stored.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may await it
            try:
                await self._store(gathered.arrivals, token)
            except Exception as error:
                gathered.stored.set_exception(error)
            else:
                gathered.stored.set_result(None)
        del self._rooms[room_id]

    async def _store(self, arrivals: list[Arrival], token: str) -> None:
        try:
            await self._db.write(lambda tx: service.note_arrivals(tx, arrivals), queue=token)
        except Unavailable:
            raise
        except Exception:
            if len(arrivals) == 1:
                raise
            log.exception("arrivals_not_stored_together")
            for arrival in arrivals:  # the one that fails must not harm the others
                try:
                    await self._store([arrival], token)
                except Unavailable:
                    raise
                except Exception:
                    log.exception("arrival_not_stored")
