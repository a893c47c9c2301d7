"""Working one after the other, each account in turn, so that nobody waits for all files of somebody else."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from talkd.core.errors import Throttled

MAX_WAITING = 32
"""Maximum number of files of one account that wait, with the one that is open."""
MAX_ALL = 256
"""Maximum number of files that wait. Beyond it, the newest file of the account with the most is refused."""
SECONDS = 30
"""When a client that was refused should ask again."""


class Turns:
    """Gives turns. Whoever had one waits behind all accounts that wait at that moment."""

    def __init__(self) -> None:
        self._current: str | None = None
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """What waits by account, in the order of the next turns. No account is here without anything."""

    @asynccontextmanager
    async def take(self, account: str) -> AsyncIterator[None]:
        """Wait for the turn, and have it as long as the context lasts. Raises Throttled while too many wait."""
        await self._wait(account)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, account: str) -> None:
        if len(self._waiting.get(account, ())) + (self._current == account) >= MAX_WAITING:
            raise Throttled(SECONDS)
        if self._current is None:
            self._current = account
            return
        if sum(map(len, self._waiting.values())) >= MAX_ALL:
            self._refuse_one(account)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()
            else:
                self._forget(account, turn)
            raise

    def _refuse_one(self, account: str) -> None:
        """Refuse the newest file of the account with the most. Raises Throttled if that is this account."""
        largest = max(self._waiting, key=lambda each: len(self._waiting[each]))
        if len(self._waiting[largest]) <= len(self._waiting.get(account, ())) + 1:
            raise Throttled(SECONDS)
        self._waiting[largest].pop().set_exception(Throttled(SECONDS))

    def _forget(self, account: str, turn: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(account)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[account]

    def _pass_on(self) -> None:
        last, self._current = self._current, None
        if last in self._waiting:
            self._waiting[last] = self._waiting.pop(last)  # behind the others
        while self._waiting:
            account, waiting = next(iter(self._waiting.items()))
            turn = waiting.popleft()
            if not waiting:
                del self._waiting[account]
            if not turn.done():  # otherwise it was cancelled at this moment
                self._current = account
                turn.set_result(None)
                return
