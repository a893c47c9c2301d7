"""How long things took, and how they ended. The memory for this does not grow with the number of things."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

LEAST, STEP = 1e-5, 1.02
"""The upper bound of the first class in seconds, and how many times that of the class before each bound is."""
CLASSES = 1 + math.ceil(math.log(1000 / LEAST, STEP))
_PER_CLASS = math.log(STEP)
THROTTLED = 429


class Spread(msgspec.Struct, frozen=True):
    """How a number of durations are spread, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Durations:
    """Counts durations in classes, so that percentiles are at most two percent too high."""

    __slots__ = ("_classes", "count", "longest", "total")

    def __init__(self) -> None:
        self._classes = [0] * CLASSES
        self.count, self.longest, self.total = 0, 0.0, 0.0

    def add(self, seconds: float) -> None:
        """Add a duration. One below zero counts as zero."""
        place = 0 if seconds <= LEAST else min(CLASSES - 1, math.ceil(math.log(seconds / LEAST) / _PER_CLASS))
        self._classes[place] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)
        self.total += max(0.0, seconds)

    def percentile(self, share: float) -> float:
        """Return the seconds that this share (0 to 1) of all durations do not exceed; 0 without any."""
        wanted, seen = math.ceil(share * self.count), 0
        for place, number in enumerate(self._classes):
            seen += number
            if number and seen >= wanted:
                return min(self.longest, LEAST * STEP**place)
        return 0.0

    def spread(self) -> Spread:
        """Return the spread."""
        p50, p95, p99 = (round(self.percentile(share) * 1000, 3) for share in (0.5, 0.95, 0.99))
        return Spread(self.count, p50, p95, p99, round(self.longest * 1000, 3))


class Measures:
    """What the users of a step measure. Nothing is counted before `begin` and after `end`."""

    def __init__(self) -> None:
        self.is_on = False
        self._reset()

    def _reset(self) -> None:
        self.requests: defaultdict[str, Durations] = defaultdict(Durations)
        """By name of the request, only those that succeeded."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """Requests that failed, by name and status, or by name and reason if there was no answer."""
        self.throttled: Counter[str] = Counter()
        """Requests that the server refused because there were too many, by name."""
        self.since_sent, self.since_acknowledged = Durations(), Durations()
        """How long deliveries took since the message was sent, and since its sender had the answer."""
        self.late = Durations()
        """How much later than planned actions began, because those before them were not done."""
        self.actions = 0

    def begin(self) -> None:
        """Begin to count, from zero."""
        self._reset()
        self.is_on = True

    def end(self) -> None:
        """Count no more."""
        self.is_on = False

    def succeeded(self, name: str, seconds: float) -> None:
        """Count a request that succeeded."""
        if self.is_on:
            self.requests[name].add(seconds)

    def failed(self, name: str, how: int | str) -> None:
        """Count a request that failed: with a status, or for a reason."""
        if self.is_on and how == THROTTLED:
            self.throttled[name] += 1
        elif self.is_on:
            self.refused[name, str(how)] += 1

    def delivered(self, since_sent: float, since_acknowledged: float) -> None:
        """Count a message that has reached a client."""
        if self.is_on:
            self.since_sent.add(since_sent)
            self.since_acknowledged.add(since_acknowledged)

    def began(self, late: float) -> None:
        """Count an action, and how late it began."""
        if self.is_on:
            self.actions += 1
            self.late.add(late)

    def names(self) -> Sequence[str]:
        """Return the names of the requests, sorted."""
        return sorted({*self.requests, *self.throttled, *(name for name, _ in self.refused)})
