"""Whether each message reached each waiting client once and in order.

A message counts from the moment when its sender had the answer. A client is owed all messages of a room that are newer
than what it knew when it began to wait, up to the newest that it got, or up to the end of the step if it still waits.
"""

from array import array
from bisect import bisect_left, insort
from dataclasses import dataclass, field

from talkd.load.measures import Measures


@dataclass
class Faults:
    """How many deliveries went wrong."""

    lost: int = 0
    """Messages that a client never got."""
    doubled: int = 0
    """Messages that a client got again."""
    disordered: int = 0
    """Messages that a client got after a newer one."""

    @property
    def total(self) -> int:
        """How many there are."""
        return self.lost + self.doubled + self.disordered


@dataclass(slots=True, eq=False)
class Stay:
    """A client that waits in a room. `first` is the newest message that it knew before."""

    first: int
    overlaps: bool
    """Whether it may get messages up to `first` again: it began to listen before it read the history."""
    last: int = 0
    """The newest message that it knows."""
    checked: int = 0
    """Up to this message, it is known whether all arrived."""
    is_over: bool = False
    received: "array[int]" = field(default_factory=lambda: array("q"))
    """The messages after `checked` that arrived, sorted."""
    missing: set[int] = field(default_factory=set)
    """Messages up to `checked` that did not arrive."""

    def __post_init__(self) -> None:
        self.last = self.checked = self.first


class Ledger:
    """The messages of one room, and who got them."""

    def __init__(self, measures: Measures, faults: Faults) -> None:
        self._measures, self.faults = measures, faults
        self._pending: dict[str, tuple[float, int]] = {}
        """Messages that were sent and not answered, by reference: when, and the newest message known then."""
        self._acknowledged: list[int] = []
        self._times: dict[int, tuple[float, float]] = {}
        """When messages were sent and acknowledged, by id."""
        self._ids: dict[str, int] = {}
        """The ids of messages by reference, of those that are sent or acknowledged."""
        self._early: dict[int, list[float]] = {}
        """When messages arrived that are not acknowledged yet, by id."""
        self._stays: list[Stay] = []
        self._newest = 0

    # --- sending -----------------------------------------------------------------------------
    def sending(self, reference: str, at: float) -> None:
        """Note that a message is being sent."""
        self._pending[reference] = at, self._newest

    def acknowledged(self, reference: str, message_id: int, at: float) -> None:
        """Note that the sender has the answer."""
        sent_at, _ = self._pending.pop(reference)
        insort(self._acknowledged, message_id)
        self._times[message_id] = sent_at, at
        self._newest = max(self._newest, message_id)
        self._note_id(reference, message_id)
        for arrived in self._early.pop(message_id, ()):
            self._measures.delivered(arrived - sent_at, arrived - at)

    def unanswered(self, reference: str) -> None:
        """Note that the sender got no answer, or a refusal: the message may or may not exist."""
        self._pending.pop(reference)
        self._early.pop(self._ids.pop(reference, 0), None)

    # --- receiving ---------------------------------------------------------------------------
    def begin(self, known: int, *, overlaps: bool) -> Stay:
        """Let a client wait that knows the messages up to `known`."""
        stay = Stay(known, overlaps)
        self._stays.append(stay)
        self._newest = max(self._newest, known)
        return stay

    def arrived(self, stay: Stay, message_id: int, reference: str, at: float) -> None:
        """Note that a client has got a message."""
        if message_id <= stay.last:
            self._arrived_out_of_turn(stay, message_id)
            return
        stay.received.append(message_id)
        stay.last = message_id
        self._newest = max(self._newest, message_id)
        times = self._times.get(message_id)
        if times is not None:
            self._measures.delivered(at - times[0], at - times[1])
        elif reference in self._pending:
            self._early.setdefault(message_id, []).append(at)
        self._note_id(reference, message_id)

    def end(self, stay: Stay) -> None:
        """Let a client wait no longer: it is owed nothing that is newer than the newest message that it got."""
        stay.is_over = True

    def _arrived_out_of_turn(self, stay: Stay, message_id: int) -> None:
        place = bisect_left(stay.received, message_id)
        if message_id in stay.missing:
            stay.missing.remove(message_id)
            self.faults.lost -= 1
            self.faults.disordered += 1
        elif message_id <= stay.first:
            self.faults.doubled += not stay.overlaps
        elif message_id <= stay.checked or stay.received[place] == message_id:
            self.faults.doubled += 1
        else:
            stay.received.insert(place, message_id)
            self.faults.disordered += 1

    def _note_id(self, reference: str, message_id: int) -> None:
        """Count a message that the server stored twice: the same reference with another id."""
        if reference in self._pending or message_id in self._times:
            known = self._ids.setdefault(reference, message_id)
            self.faults.doubled += known != message_id
        elif self._ids.get(reference, message_id) != message_id:
            self.faults.doubled += 1

    # --- checking ----------------------------------------------------------------------------
    def settle(self, *, finally_: bool = False) -> None:
        """Check what can be checked by now, and forget it. Finally, what has not arrived is lost."""
        horizon = self._newest
        if not finally_:
            horizon = min([known for _, known in self._pending.values()], default=self._newest)
        for stay in self._stays:
            owed_to = horizon if finally_ and not stay.is_over else min(horizon, stay.last)
            if owed_to > stay.checked:
                self._check(stay, owed_to)
        self._stays = [stay for stay in self._stays if not stay.is_over or stay.checked < stay.last]
        done = min([stay.checked for stay in self._stays], default=horizon)
        place = bisect_left(self._acknowledged, done + 1)
        for message_id in self._acknowledged[:place]:
            del self._times[message_id]
        del self._acknowledged[:place]
        self._ids = {reference: known for reference, known in self._ids.items() if known > done}
        for early in [message_id for message_id in self._early if message_id <= done]:
            del self._early[early]

    def _check(self, stay: Stay, upto: int) -> None:
        begin, end = bisect_left(self._acknowledged, stay.checked + 1), bisect_left(self._acknowledged, upto + 1)
        place = bisect_left(stay.received, upto + 1)
        lost = set(self._acknowledged[begin:end]).difference(stay.received[:place])
        self.faults.lost += len(lost)
        stay.missing |= lost
        del stay.received[:place]
        stay.checked = upto

    def is_complete(self) -> bool:
        """Return whether nothing is on its way: all messages are answered, and have arrived at all who wait."""
        newest = self._acknowledged[-1] if self._acknowledged else 0
        return not self._pending and all(stay.is_over or stay.last >= newest for stay in self._stays)
