"""Signs of life, written together every few seconds instead of one by one."""

from talkd.conversation import session_store
from talkd.core import clock
from talkd.storage.database import Database


class Pings:
    """Devices that gave a sign since the last flush."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: set[str] = set()

    def note(self, session_id: str) -> None:
        """This device is there."""
        self._seen.add(session_id)

    async def flush(self) -> None:
        """Write what was noted."""
        if not self._seen:
            return
        seen, self._seen = list(self._seen), set()
        now = clock.steady()
        await self._db.write(lambda tx: session_store.ping(tx, seen, now))
