"""Deadlines of many waiters: one timer for each second, not for each waiter."""

import asyncio
import math


class Deadlines:
    """Futures that are resolved at the latest at their deadline, on the second after it."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[asyncio.Future[None]]] = {}

    def add(self, until: float, future: asyncio.Future[None]) -> None:
        """Resolve `future` once the loop's clock has passed `until`."""
        second = math.ceil(until)
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = set()
            asyncio.get_running_loop().call_at(second, self._expire, second)
        bucket.add(future)

    def discard(self, until: float, future: asyncio.Future[None]) -> None:
        """The waiter needs it no more."""
        bucket = self._buckets.get(math.ceil(until))
        if bucket is not None:
            bucket.discard(future)

    def _expire(self, second: int) -> None:
        for future in self._buckets.pop(second, ()):
            if not future.done():
                future.set_result(None)
