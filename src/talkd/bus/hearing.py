"""Which messages of other processes have arrived, and which are missing. Pure: it knows no bus and no clock."""

from dataclasses import dataclass, field

MOST_MISSING = 10_000
"""If more messages of a process are missing, they are given up at once."""


@dataclass(slots=True)
class _Heard:
    """What has arrived from one process."""

    newest: int
    missing: set[int] = field(default_factory=set)
    """Earlier numbers that have not arrived."""
    late: set[int] = field(default_factory=set)
    """Those of them that were missing at the last look already."""


class Hearing:
    """The numbers of the messages that have arrived from each other process. Each process numbers its own, from 1."""

    def __init__(self) -> None:
        self._heard: dict[int, _Heard] = {}

    def take(self, process: int, number: int) -> bool:
        """Note a message. Return False if it has arrived before."""
        heard = self._heard.get(process)
        if heard is None:
            self._heard[process] = _Heard(number)
            return True
        if number > heard.newest:
            heard.missing.update(range(max(heard.newest + 1, number - MOST_MISSING - 1), number))
            heard.newest = number
            return True
        if number in heard.missing:
            heard.missing.discard(number)
            heard.late.discard(number)
            return True
        return False

    def look(self, sent: dict[int, int]) -> bool:
        """Return True if messages are missing that were already missing at the last look. They are then given up.

        `sent`: how many messages each living process has sent, at least. Others are forgotten: what they sent last
        may never have been sent.
        """
        is_missing = False
        for process in self._heard.keys() - sent.keys():
            del self._heard[process]
        for process, count in sent.items():
            heard = self._heard.get(process)
            if heard is None:
                self._heard[process] = _Heard(count)
                continue
            if count - heard.newest > MOST_MISSING:
                is_missing = True
                heard.missing.clear()
            else:
                heard.missing.update(range(heard.newest + 1, count + 1))
            heard.newest = max(heard.newest, count)
            if heard.missing & heard.late or len(heard.missing) > MOST_MISSING:
                is_missing = True
                heard.missing.clear()
            heard.late = set(heard.missing)
        return is_missing
