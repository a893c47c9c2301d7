"""The other processes, as the signaling server sees them: their sockets with peers here, and peers there."""

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from talkd.bus.others import Others
from talkd.signaling import letters
from talkd.signaling.connection import Connection
from talkd.signaling.far import KIND, FarSockets
from talkd.signaling.passages import Passages, is_for_home
from talkd.signaling.peer import ROOM_NEWS, Peer
from talkd.signaling.registry import LiveRoom

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

AT_ONCE, EACH_SECOND = 20, 500
"""How many rooms are read again together, and in a second."""


class Elsewhere:
    """Both sides of the sockets whose peers live at another process than their clients are connected to."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self.far_sockets = FarSockets(signaling)
        self.passages = Passages(signaling)
        self._outdated: dict[int, LiveRoom] = {}
        """Rooms that are still to be read again."""
        others = signaling.world[Others]
        others.on(KIND, self._take_letter)
        others.when_died, others.when_lost = self.lose_processes, self.lose_letters

    def look_again(self) -> None:
        """Read all rooms again, some at a time, because events may have been missed."""
        self._signaling.ended_sessions += 1
        is_looking = bool(self._outdated)
        for room in self._signaling.registry.list_rooms():
            room.may_have_missed = True
            self._outdated[room.id] = room
        if not is_looking:
            self._look_at_some()

    def _look_at_some(self) -> None:
        for room in list(islice(self._outdated.values(), AT_ONCE)):
            del self._outdated[room.id]
            self._signaling.announcer.schedule(room, list_changed=True)
            self._signaling.spawn(self._signaling.homes.drop_ended(room))
        if self._outdated:
            asyncio.get_running_loop().call_later(AT_ONCE / EACH_SECOND, self._look_at_some)

    def _take_letter(self, sender: int, content: bytes) -> None:
        letter = letters.decode(content)
        (self.far_sockets if is_for_home(letter) else self.passages).take(sender, letter)

    def lose_processes(self, processes: set[int]) -> None:
        """Go on without processes that have ended: with the peers that lived there, if their clients are here."""
        for process in processes:
            self._lose_front(process)
        self.passages.lose_homes(processes)

    def lose_letters(self, sender: int) -> None:
        """Let clients connect again that may have missed something, because letters of a process were lost."""
        self.far_sockets.lose_front(sender)
        self.far_sockets.tell(sender, letters.Forgotten())  # also of sockets that this process has not heard of
        self.passages.cut({sender})

    def _lose_front(self, process: int) -> None:
        """Take all sockets of a process for closed. If it lives, it must know, or their clients hear nothing more."""
        if self.far_sockets.lose_front(process):
            self.far_sockets.tell(process, letters.Forgotten())

    def settle(self, peer: Peer, socket: Connection | None) -> None:
        """Let a peer that comes from another process live here. It is in no room, and may have no socket.

        If its client has taken it to this process twice, by an older connection, that one ends.
        """
        older = self._signaling.registry.find(peer.id)
        if older is not None:
            self._signaling.end(older, "session_resumed")
        peer.line = socket
        if socket is None:
            peer.lost_at = asyncio.get_running_loop().time()
        else:
            socket.peer = peer
        self._signaling.registry.add(peer)
        self._signaling.homes.note(peer)
        self._signaling.room_news.is_wanted |= ROOM_NEWS in peer.features
