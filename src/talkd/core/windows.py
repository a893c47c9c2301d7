"""Counting what happens within a time, in memory."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Windows(Generic[Key]):
    """Counts by key. A window begins with the first event of its key and ends after some seconds."""

    def __init__(self) -> None:
        self._counts: dict[Key, tuple[int, int]] = {}
        """By key: how often, and the second in which the window ends."""

    def spend(self, key: Key, *, allowed: int, seconds: int, now: int) -> int:
        """Count one event. If the key has no more in this window, count nothing and return the seconds left of it."""
        count, end = self._window(key, seconds, now)
        if count >= allowed:
            return end - now
        self._counts[key] = count + 1, end
        return 0

    def check(self, key: Key, events: int, *, allowed: int, seconds: int, now: int) -> int:
        """Return 0 if the key has so many events in this window, or the seconds left of it. Count nothing."""
        count, end = self._window(key, seconds, now)
        return end - now if count + events > allowed else 0

    def _window(self, key: Key, seconds: int, now: int) -> tuple[int, int]:
        count, end = self._counts.get(key, (0, 0))
        if not now < end <= now + seconds:  # over, or the clock was set back
            return 0, now + seconds
        return count, end

    def give_back(self, key: Key) -> None:
        """Count one event less: it did not happen."""
        count, end = self._counts.get(key, (0, 0))
        if count:
            self._counts[key] = count - 1, end

    def forget_old(self, now: int) -> None:
        """Forget the windows that are over."""
        self._counts = {key: (count, end) for key, (count, end) in self._counts.items() if end > now}

    def clear(self) -> None:
        """Forget everything."""
        self._counts.clear()

    def __len__(self) -> int:
        return len(self._counts)
