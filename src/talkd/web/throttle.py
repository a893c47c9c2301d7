"""Brute-force protection: failed attempts are counted by action and network, and stored in the database.

After ten failures of one action from one network within half an hour, further attempts are refused until the window has
passed (`security.attempts` and `security.window`). IPv6 addresses count by /64. A success does not reset the count,
because an attacker with one right secret could then guess others without limit (docs/admin/reliability.md, Secrets and
leaks).

The database adds up the counts of all processes, and each tells the others the sum. Only attempts that run at the same
moment at several processes do not know of each other.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from talkd.config_groups import SecurityConfig
from talkd.core import clock
from talkd.core.errors import Throttled
from talkd.core.events import AttemptCounted, AttemptsForgotten
from talkd.core.networks import subnet_of
from talkd.storage import throttle_store as store
from talkd.storage.database import Database, Tx

ACCOUNT, STARTED_LOGIN = "account", "login-flow"
"""Actions with limits of their own: wrong passwords of one account from all networks, and logins that apps start."""
KEEP = 12 * 3600
"""Seconds after which a record is deleted."""


class Attempt:
    """One attempt to guess or enter a secret."""

    __slots__ = ("has_failed",)

    def __init__(self) -> None:
        self.has_failed = False

    def failed(self) -> None:
        """Record that the secret was wrong."""
        self.has_failed = True


@dataclass(frozen=True, slots=True)
class Counted:
    """Attempts of an action from a source: a network, or the fingerprint of an account."""

    action: str
    source: str
    attempts: int
    seconds: int
    """Until they count no more."""
    is_refused: bool
    """Whether further attempts are refused until then."""


class Throttle:
    """Counts failures.

    The counts are also in memory, so that a check needs no query. They are a plain dict and not a cache, because an
    entry must never be evicted before its window ends, and the end is needed for Retry-After.
    """

    def __init__(self, db: Database, config: SecurityConfig) -> None:
        self._db = db
        self._config = config
        self._known: dict[tuple[str, str], tuple[int, int]] = {}
        self._trying: Counter[tuple[str, str]] = Counter()
        self._turns: defaultdict[tuple[str, str], list[asyncio.Future[None]]] = defaultdict(list)

    async def load(self) -> None:
        """Load the counts from the database and delete old ones."""
        now = clock.steady()

        async def work(tx: Tx) -> list[store.Count]:
            await store.forget_old(tx, now - KEEP)
            return await store.list_counts(tx, now - self._config.window)

        self._known = {
            (each.action, each.subnet): (each.attempts, each.first_at) for each in await self._db.write(work)
        }

    async def forget_old(self) -> None:
        """Delete old counts, so that an attacker with many networks cannot fill memory and table."""
        now = clock.steady()
        await self._db.write(lambda tx: store.forget_old(tx, now - KEEP))
        over = [key for key, (_, first) in self._known.items() if first + self._config.window <= now]
        for key in over:
            del self._known[key]

    @contextlib.asynccontextmanager
    async def attempt(self, action: str, address: str) -> AsyncIterator[Attempt]:
        """Guard an attempt at a secret. Call `failed()` on the result if the secret was wrong.

        `address` may also be the target of guesses, such as an account. No more attempts run at once than may still
        fail; the others wait. So parallel guesses have no advantage, and many users of one network can log in at the
        same time. Raises Throttled.
        """
        attempt = Attempt()
        if not self._config.throttle:
            yield attempt
            return
        key = (action, subnet_of(address))
        while self._left(key) <= self._trying[key]:  # raises if no attempt is left
            turn = asyncio.get_running_loop().create_future()
            self._turns[key].append(turn)
            await turn
        self._trying[key] += 1
        try:
            yield attempt
            if attempt.has_failed:
                await self.register(action, address)
        finally:
            self._trying[key] -= 1
            if not self._trying[key]:
                del self._trying[key]
            for turn in self._turns.pop(key, ()):
                if not turn.done():
                    turn.set_result(None)

    def check(self, action: str, address: str) -> None:
        """Raises Throttled if too many attempts of this action failed from the address's network."""
        if self._config.throttle:
            self._left((action, subnet_of(address)))

    async def spend(self, action: str, address: str) -> None:
        """Count an action that is not a failure, but is limited in the same way. Raises Throttled."""
        if not self._config.throttle:
            return
        key = (action, subnet_of(address))
        self._left(key)
        if await self.register(action, address) > self._allowed(action):  # concurrent requests may have counted too
            self._left(key)

    def list_counted(self) -> list[Counted]:
        """List the attempts that count now. Those that are refused come first, then those with the most attempts."""
        now, window = clock.steady(), self._config.window
        found = [
            Counted(action, source, attempts, first + window - now, attempts >= self._allowed(action))
            for (action, source), (attempts, first) in self._known.items()
            if first + window > now
        ]
        return sorted(found, key=lambda each: (not each.is_refused, -each.attempts, each.action, each.source))

    async def forget(self, action: str, source: str) -> bool:
        """Delete a count, so that the source need not wait. Return False if there is none."""

        async def work(tx: Tx) -> bool:
            await tx.emit(AttemptsForgotten(action, source))
            return await store.forget(tx, action, source)

        is_known = (action, source) in self._known  # this process may not have loaded what has just been counted
        return await self._db.write(work) or is_known

    def note(self, action: str, subnet: str, attempts: int, first_at: int) -> None:
        """Note what the database has counted, after the commit of any process.

        Commits are reported in any order, so the highest count of the newest window stays.
        """
        count, first = self._known.get((action, subnet), (0, 0))
        begun, count = max((first_at, attempts), (first, count))
        self._known[action, subnet] = count, begun

    def note_forgotten(self, action: str, source: str) -> None:
        """Note that a count was deleted."""
        self._known.pop((action, source), None)

    def _allowed(self, action: str) -> int:
        """Return how many attempts of an action may fail in a window."""
        own = {ACCOUNT: self._config.account_attempts, STARTED_LOGIN: self._config.started_logins}
        return own.get(action, self._config.attempts)

    def _left(self, key: tuple[str, str]) -> int:
        """Return how many more attempts may fail. Raises Throttled if none may."""
        allowed = self._allowed(key[0])
        count, first = self._known.get(key, (0, 0))
        wait = first + self._config.window - clock.steady()
        if count and wait <= 0:
            del self._known[key]
            count = 0
        if count >= allowed:
            raise Throttled(wait)
        return allowed - count

    async def register(self, action: str, address: str) -> int:
        """Count one attempt. Return its number in the window, or 0 if throttling is off."""
        if not self._config.throttle:
            return 0
        key, now = (action, subnet_of(address)), clock.steady()
        count, first = self._known.get(key, (0, 0))
        is_over = first + self._config.window <= now
        self._known[key] = (1, now) if is_over else (count + 1, first)  # concurrent checks must see it now

        async def work(tx: Tx) -> int:
            counted = await store.count(tx, action, key[1], now, since=now - self._config.window)
            await tx.emit(AttemptCounted(action, key[1], counted.attempts, counted.first_at))
            return counted.attempts

        return await self._db.write(work)
