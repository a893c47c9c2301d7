"""The other processes, as the signaling server sees them: their sockets with peers here, and peers there."""

import asyncio
from typing import TYPE_CHECKING

from talkd.bus.others import Others
from talkd.signaling import letters
from talkd.signaling.connection import Connection
from talkd.signaling.far import KIND, FarSockets
from talkd.signaling.passages import Passages, is_for_home
from talkd.signaling.peer import ROOM_NEWS, Peer

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling


class Elsewhere:
    """Both sides of the sockets whose peers live at another process than their clients are connected to."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self.far_sockets = FarSockets(signaling)
        self.passages = Passages(signaling)
        others = signaling.world[Others]
        others.on(KIND, self._take_letter)
        others.when_died, others.when_lost = self.lose_processes, self.lose_letters

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
