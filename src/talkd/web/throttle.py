"""Brute-force protection: failed attempts counted by action and network, kept in the database.

Ten failures of one kind from one network within half an hour, and further tries of that kind are refused
until the window has passed. IPv6 counts by /64. Success forgives nothing, or whoever has one right secret could
guess at others for ever (docs/admin/reliability.md, Secrets and leaks).
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator

from talkd.config import SecurityConfig
from talkd.core import clock
from talkd.core.errors import Throttled
from talkd.core.networks import subnet_of
from talkd.storage import throttle_store as store
from talkd.storage.database import Database, Tx

KEEP = 12 * 3600
"""Seconds after which a record is forgotten."""


class Attempt:
    """One try at a secret."""

    __slots__ = ("has_failed",)

    def __init__(self) -> None:
        self.has_failed = False

    def failed(self) -> None:
        """The secret was wrong."""
        self.has_failed = True


class Throttle:
    """Counts failures; what is known is also in memory, so that checking costs nothing."""

    def __init__(self, db: Database, config: SecurityConfig) -> None:
        self._db = db
        self._config = config
        self._known: dict[tuple[str, str], tuple[int, int]] = {}
        self._trying: Counter[tuple[str, str]] = Counter()
        self._turns: defaultdict[tuple[str, str], list[asyncio.Future[None]]] = defaultdict(list)

    @property
    def account_attempts(self) -> int:
        """How many attempts at the password of one account may fail, from all networks together."""
        return self._config.account_attempts

    async def load(self) -> None:
        """Take up what was counted before the last stop, and forget what is too old."""
        now = clock.steady()

        async def work(tx: Tx) -> list[tuple[str, str, int, int]]:
            await store.forget_old(tx, now - KEEP)
            return await store.list_counts(tx, now - self._config.window)

        self._known = {(action, subnet): (count, first) for action, subnet, count, first in await self._db.write(work)}

    async def forget_old(self) -> None:
        """Forget what is over: whoever comes from ever other networks must not fill memory and table."""
        now = clock.steady()
        await self._db.write(lambda tx: store.forget_old(tx, now - KEEP))
        over = [key for key, (_, first) in self._known.items() if first + self._config.window <= now]
        for key in over:
            del self._known[key]

    @contextlib.asynccontextmanager
    async def attempt(self, action: str, address: str, allowed: int | None = None) -> AsyncIterator[Attempt]:
        """A try at a secret. Say `failed()` when it was wrong.

        `address` may also name what is guessed at, such as an account. `allowed` tries may fail; without it as many
        as the settings say. Only as many are tried at once as may still fail: the others wait for their turn, so
        that guessing in parallel gains nothing and an office that comes back all at once gets in. Raises Throttled.
        """
        attempt = Attempt()
        if not self._config.throttle:
            yield attempt
            return
        key = (action, subnet_of(address))
        while self._left(key, allowed) <= self._trying[key]:  # raises when none is left
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
        """Raises Throttled when too many attempts of this kind failed from there."""
        if self._config.throttle:
            self._left((action, subnet_of(address)))

    async def spend(self, action: str, address: str, allowed: int) -> None:
        """Count something that is no failure, but that nobody shall do without end. Raises Throttled."""
        if not self._config.throttle:
            return
        key = (action, subnet_of(address))
        self._left(key, allowed)
        if await self.register(action, address) > allowed:  # others have counted meanwhile
            self._left(key, allowed)

    def _left(self, key: tuple[str, str], allowed: int | None = None) -> int:
        """How many more may fail; `allowed`, or as many as the settings say. Raises Throttled when none may."""
        allowed = self._config.attempts if allowed is None else allowed
        count, first = self._known.get(key, (0, 0))
        wait = first + self._config.window - clock.steady()
        if count and wait <= 0:
            del self._known[key]
            count = 0
        if count >= allowed:
            raise Throttled(wait)
        return allowed - count

    async def register(self, action: str, address: str) -> int:
        """Count one more attempt. Return which one of its window it is, or 0 if nothing is counted."""
        if not self._config.throttle:
            return 0
        key, now = (action, subnet_of(address)), clock.steady()
        count, first = self._known.get(key, (0, 0))
        is_over = first + self._config.window <= now
        self._known[key] = (1, now) if is_over else (count + 1, first)  # others check before the database has answered
        attempts, begun = await self._db.write(
            lambda tx: store.count(tx, action, key[1], now, since=now - self._config.window)
        )
        # The answers of concurrent transactions arrive in any order: the highest count of a window holds.
        count, first = self._known.get(key, (0, 0))
        self._known[key] = max((begun, attempts), (first, count))[::-1]
        return attempts
