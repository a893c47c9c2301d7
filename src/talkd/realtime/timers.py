"""Deadlines of many waiters: one timer for each tenth of a second, not for each waiter."""

import asyncio
import math

TICKS = 10
"""Timers a second, at most."""
HEADROOM = 0.4
"""Seconds by which a wait ends early, a quarter of it at most: a tick, and time to send the answer."""


def end_of_wait(began: float, seconds: int) -> float:
    """Return when to stop waiting, so that a request of loop time `began` is answered within `seconds`."""
    return began + seconds - min(HEADROOM, seconds / 4)


class Deadlines:
    """Futures that are resolved at the latest at their deadline, on the tick after it."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[asyncio.Future[None]]] = {}

    def add(self, until: float, future: asyncio.Future[None]) -> None:
        """Resolve `future` once the loop's clock has passed `until`."""
        tick = math.ceil(until * TICKS)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            asyncio.get_running_loop().call_at(tick / TICKS, self._expire, tick)
        bucket.add(future)

    def discard(self, until: float, future: asyncio.Future[None]) -> None:
        """Forget a waiter who has stopped waiting."""
        bucket = self._buckets.get(math.ceil(until * TICKS))
        if bucket is not None:
            bucket.discard(future)

    def _expire(self, tick: int) -> None:
        for future in self._buckets.pop(tick, ()):
            if not future.done():
                future.set_result(None)
