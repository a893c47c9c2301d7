"""Deadlines of many waiting requests, with one timer for each tenth of a second instead of one for each request."""

import asyncio
import math

TICKS = 10
"""Maximum number of timers per second."""
HEADROOM = 0.4
"""A wait ends this many seconds early, but at most a quarter of it, to leave time for a tick and for the answer."""


def end_of_wait(began: float, seconds: int) -> float:
    """Return the loop time at which to stop waiting, so that a request from `began` is answered within `seconds`."""
    return began + seconds - min(HEADROOM, seconds / 4)


class Deadlines:
    """Futures that are resolved at the first tick after their deadline, unless something else resolves them before."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[asyncio.Future[None]]] = {}

    def add(self, until: float, future: asyncio.Future[None]) -> None:
        """Resolve `future` when the loop time has passed `until`."""
        tick = math.ceil(until * TICKS)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            asyncio.get_running_loop().call_at(tick / TICKS, self._expire, tick)
        bucket.add(future)

    def discard(self, until: float, future: asyncio.Future[None]) -> None:
        """Forget a future that no longer needs its deadline."""
        bucket = self._buckets.get(math.ceil(until * TICKS))
        if bucket is not None:
            bucket.discard(future)

    def _expire(self, tick: int) -> None:
        for future in self._buckets.pop(tick, ()):
            if not future.done():
                future.set_result(None)
