"""Pings of sessions, which are written together every few seconds."""

from talkd.conversation import session_store
from talkd.core import clock
from talkd.storage.database import Database


class Pings:
    """The sessions that sent a request since the last flush that succeeded."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: set[str] = set()

    def note(self, session_id: str) -> None:
        """Note that a session sent a request."""
        self._seen.add(session_id)

    async def flush(self) -> None:
        """Store the current time as the last ping of the noted sessions. If that fails, they stay noted."""
        if not self._seen:
            return
        seen, now = list(self._seen), clock.steady()
        await self._db.write(lambda tx: session_store.ping(tx, seen, now))
        self._seen.difference_update(seen)
