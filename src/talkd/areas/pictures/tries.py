"""How often something that failed is tried again, and when."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache

from talkd.core import clock

K = TypeVar("K", bound=Hashable)

PAUSES = (60, 600, 3600)
"""Seconds before the second and each later try. Afterwards there is none until the server starts again."""
KEPT = 4096
"""How many failures are remembered."""


class Tries(Generic[K]):
    """What has failed, by its key: how often, and the time of the next try."""

    def __init__(self) -> None:
        self._failed: LRUCache[K, tuple[int, float]] = LRUCache(KEPT)

    def may_try(self, key: K) -> bool:
        """Return True if it has not failed, or if it is time to try it again."""
        _, again = self._failed.get(key, (0, 0.0))
        return clock.steady() >= again

    def is_given_up(self, key: K) -> bool:
        """Return True if it is not tried again."""
        count, _ = self._failed.get(key, (0, 0.0))
        return count > len(PAUSES)

    def note_failure(self, key: K) -> None:
        """Note that it has failed."""
        count, _ = self._failed.get(key, (0, 0.0))
        pause = PAUSES[count] if count < len(PAUSES) else float("inf")
        self._failed[key] = count + 1, clock.steady() + pause
