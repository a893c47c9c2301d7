"""The other processes that serve the same database, and what this one tells them.

Messages to all are numbered. So a message that arrives twice is dropped, and one that does not arrive is noticed. While
the bus does not carry them, they are kept for the database (`areas/announcements`), which the others read.
"""

import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from talkd.bus.hearing import Hearing
from talkd.bus.interface import Bus
from talkd.bus.kept import Kept
from talkd.bus.parts import PART, Parts, cut
from talkd.core import ids
from talkd.core.log import Log

MACHINE = socket.gethostname()

log = Log(__name__)

Handle = Callable[[int, bytes], None]
"""Handles a message: the number of the process that sent it, and the content."""


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """A message on the bus."""

    sender: int
    number: int
    """Its number among the sender's messages to all, or among those to this process."""
    to: int
    """The process that it is for, or 0 for all."""
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Process:
    """Another process, as the database knows it."""

    id: int
    bus: str
    """The name of its bus."""
    place: str
    """The machine that it runs on, and its number there."""
    sent: int
    """How many messages to all it has sent, at least."""
    hears: bool
    """Whether it hears the bus."""


DEPARTURE = "departure"
"""The kind of the last message of a process that stops. It has told everything before."""
COUNT = "count"
"""The kind of a message that says how many others were sent to one process, so that it notices if the last is lost."""
COUNTED_LOOKS = 15
"""So many looks after the last message to a process, it is told their count: longer than a lost bus goes unnoticed."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Parcel).decode


class Others:
    """The other processes. Without a bus there are none, and nothing is told."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus
        self.me = ids.new_process() if bus is not None else 0
        """The number of this process; 0 if it is the only one."""
        self.sent = 0
        """How many messages to all this process has sent."""
        self.told = 0
        """How many messages this process has sent, to all or to one."""
        self.received = 0
        self.times_missed = 0
        """How often messages were missing, so that everything was read again."""
        self.living: dict[int, Process] = {}
        """The other processes that serve the database."""
        self.doubted: frozenset[int] = frozenset()
        """Processes that were not connected to the database at the last look. They are dead if they still are not."""
        self.kept = Kept()
        """Messages that go through the database."""
        self.when_missed: tuple[Callable[[], None], ...] = ()
        """Called when messages were missed: what is kept in memory may be outdated."""
        self._handlers: dict[str, Handle] = {DEPARTURE: self._note_departure}
        self._departed: set[int] = set()
        self.when_died: Callable[[set[int]], None] = lambda _processes: None
        """Called with processes that have ended."""
        self.when_lost: Callable[[int], None] = lambda _process: None
        """Called with a process that has told this one alone something that has not arrived."""
        self._hearing = Hearing()
        self._parts = Parts()
        self._sent_to: Counter[int] = Counter()
        self._counted: dict[int, int] = {}
        """How many more times the processes are told how much they were sent."""
        self._heard_from: dict[int, int] = {}
        self._claimed: dict[int, int] = {}
        """How much the processes say since the last look that they have sent to this one, and before it."""
        self._claimed_before: dict[int, int] = {}
        if bus is not None:
            bus.receive = self.receive

    # --- the bus ------------------------------------------------------------------------------
    @property
    def is_alone(self) -> bool:
        """Whether this is the only process that may serve the database."""
        return self._bus is None

    @property
    def bus_name(self) -> str:
        """The name of the bus; empty without one."""
        return self._bus.name if self._bus is not None else ""

    @property
    def hears(self) -> bool:
        """Whether the bus is connected, as far as this process knows. True without a bus."""
        return self._bus is None or self._bus.is_connected

    @property
    def myself(self) -> Process:
        """This process, as the others see it in the database."""
        return Process(self.me, self.bus_name, f"{MACHINE}, process {os.getpid()}", self.sent, self.hears)

    def list_here(self) -> list[Process]:
        """Return the other processes on this machine."""
        return [each for each in self.living.values() if each.place.startswith(f"{MACHINE}, ")]

    async def open(self, installation: str) -> None:
        """Connect to the bus."""
        if self._bus is not None:
            await self._bus.open(self.me, installation)

    async def close(self) -> None:
        """Disconnect from the bus."""
        if self._bus is not None:
            await self._bus.close()

    # --- telling ------------------------------------------------------------------------------
    def tell(self, kind: str, content: bytes) -> None:
        """Tell all others. It takes a moment longer, but is not lost, while the bus is not connected."""
        if self._bus is None:
            return
        for each, piece in cut(kind, content, self.sent + 1):
            self.sent += 1
            self._send(Parcel(self.me, self.sent, 0, each, piece))

    def tell_one(self, process: int, kind: str, content: bytes) -> None:
        """Tell one process. If that is lost, it notices by the next message, or within two looks."""
        if self._bus is None:
            return
        self._counted[process] = COUNTED_LOOKS
        for each, piece in cut(kind, content, self._sent_to[process] + 1):
            self._sent_to[process] += 1
            self._send(Parcel(self.me, self._sent_to[process], process, each, piece))

    def _send(self, parcel: Parcel) -> None:
        assert self._bus is not None, "there are others"
        message = _encode(parcel)
        self.told += parcel.kind != COUNT
        recipient = self.living.get(parcel.to)
        if self._bus.is_connected:
            self._bus.send(message, parcel.to or None)
        if not self._bus.is_connected or (
            any(not each.hears for each in self.living.values()) if recipient is None else not recipient.hears
        ):
            self.kept.add(message)

    def depart(self) -> None:
        """Tell all others that this process stops."""
        self.tell(DEPARTURE, b"")

    def _note_departure(self, sender: int, _content: bytes) -> None:
        self._departed.add(sender)
        self.living.pop(sender, None)
        self._forget({sender})

    def _forget(self, processes: set[int]) -> None:
        if processes:
            for each in processes:
                # If it lives after all, its next message counts as the first after a loss. The numbers of what it is
                # sent go on, because it knows the earlier ones.
                self._heard_from.pop(each, None)
            self.when_died(processes)

    # --- hearing ------------------------------------------------------------------------------
    def on(self, kind: str, handle: Handle) -> None:
        """Register what handles messages of a kind."""
        self._handlers[kind] = handle

    def receive(self, message: bytes) -> None:
        """Handle a message of another process, from the bus or from the database, unless it was handled before."""
        try:
            parcel = _decode(message)
        except msgspec.DecodeError:
            log.warning("bus_message_unreadable")
            return
        if parcel.sender == self.me or parcel.to not in (0, self.me):
            return
        if parcel.kind == COUNT:
            self._claimed[parcel.sender] = parcel.number
            return
        is_new = self._hearing.take if parcel.to == 0 else self._take_own
        if not is_new(parcel.sender, parcel.number):
            return
        self.received += 1
        try:
            if parcel.kind != PART:
                self._handle(parcel.sender, parcel.kind, parcel.content)
                return
            whole = self._parts.take(parcel.sender, parcel.to, parcel.number, parcel.content)
            if whole is not None:
                self._handle(parcel.sender, *whole)
        except Exception:
            log.exception("bus_message_failed", kind=parcel.kind)

    def _handle(self, sender: int, kind: str, content: bytes) -> None:
        handle = self._handlers.get(kind)
        if handle is None:
            log.debug("bus_message_unknown", kind=kind)  # of another version of talkd
            return
        handle(sender, content)

    def _take_own(self, sender: int, number: int) -> bool:
        heard = self._heard_from.get(sender, 0)
        if number <= heard:
            return False
        self._heard_from[sender] = number
        if number != heard + 1:
            self._lose(sender)
        return True

    def _lose(self, sender: int) -> None:
        log.info("bus_messages_missed", reason="messages to this process lost")
        self.when_lost(sender)

    def _compare_counts(self) -> None:
        """Tell the others how much they were sent, and notice what was sent to this process and has not arrived."""
        for process in self._counted.keys() & self.living.keys():
            self._send(Parcel(self.me, self._sent_to[process], process, COUNT, b""))
        self._counted = {key: left - 1 for key, left in self._counted.items() if left > 1}
        for sender, number in self._claimed_before.items():
            if sender in self.living and self._heard_from.get(sender, 0) < number:
                self._heard_from[sender] = number
                self._lose(sender)
        self._claimed_before, self._claimed = self._claimed, {}

    def look(self, living: Mapping[int, Process]) -> bool:
        """Note which other processes live. Return True, after calling `when_missed`, if anything may have been missed.

        That is so if messages are missing for longer than one look, or a process has died: it may not have told its
        last changes.
        """
        died = self.living.keys() - living.keys()
        has_died = bool(died)
        self._forget(set(died))
        self._departed &= living.keys()
        self.living = {key: each for key, each in living.items() if key not in self._departed}
        self._compare_counts()
        is_missing = self._hearing.look({each.id: each.sent for each in living.values()})
        if is_missing or has_died:
            self.times_missed += 1
            log.info("bus_messages_missed", reason="process ended" if has_died else "messages lost")
            for forget in self.when_missed:
                forget()
        return is_missing or has_died
