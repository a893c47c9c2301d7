"""Count events within time windows, in memory."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Windows(Generic[Key]):
    """Counts by key. A window begins with the first event of its key and ends after some seconds.

    This is a plain dict and not a cache, because an entry must not be evicted before its window ends.
    """

    def __init__(self) -> None:
        self._counts: dict[Key, tuple[int, int]] = {}
        """By key: the number of events, and the second at which the window ends."""

    def spend(self, key: Key, *, allowed: int, seconds: int, now: int) -> int:
        """Count one event and return 0. Above the limit, count nothing and return the seconds left in the window."""
        count, end = self._window(key, seconds, now)
        if count >= allowed:
            return end - now
        self._counts[key] = count + 1, end
        return 0

    def check(self, key: Key, events: int, *, allowed: int, seconds: int, now: int) -> int:
        """Return 0 if this many events are still allowed in the window, else the seconds left in it. Count nothing."""
        count, end = self._window(key, seconds, now)
        return end - now if count + events > allowed else 0

    def _window(self, key: Key, seconds: int, now: int) -> tuple[int, int]:
        count, end = self._counts.get(key, (0, 0))
        if not now < end <= now + seconds:  # the window has passed, or the clock was set back
            return 0, now + seconds
        return count, end

    def give_back(self, key: Key) -> None:
        """Undo the count of one event."""
        count, end = self._counts.get(key, (0, 0))
        if count:
            self._counts[key] = count - 1, end

    def forget_old(self, now: int) -> None:
        """Delete the windows that have passed."""
        self._counts = {key: (count, end) for key, (count, end) in self._counts.items() if end > now}

    def clear(self) -> None:
        """Delete all counts."""
        self._counts.clear()

    def __len__(self) -> int:
        return len(self._counts)
