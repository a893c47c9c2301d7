"""Where peers live, if several processes serve the database: each room with peers has one home.

The home does for its peers and rooms what a server that is alone does. So a room's peers are at one process, whichever
processes their clients are connected to (`passages.py`). The database knows the home of each room, and what another
process needs to go on with the peers of one that has died.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from talkd.areas.signaling import home_service as service
from talkd.areas.signaling.home_model import Found, KnownPeer
from talkd.bus.others import Others
from talkd.core import ids
from talkd.core.errors import Unavailable
from talkd.signaling import transient
from talkd.signaling.peer import Peer
from talkd.signaling.registry import LiveRoom
from talkd.storage.availability import RETRY_SECONDS

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

PAUSE = 0.05
"""Seconds in which changes are collected before they are stored."""
TRANSIENT_PAUSE = 1.0
"""The same for the transient data of rooms: the data of a room are stored as a whole, and may change often."""


class Homes:
    """What this process has stored of its peers and rooms, and what it has to store."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self._world = signaling.world
        self._peers: dict[str, Peer] = {}
        self._ended: set[str] = set()
        self._transient: dict[int, LiveRoom] = {}
        """The rooms whose transient data are to be stored."""
        self._changing: dict[int, LiveRoom] = {}
        """Those whose data are stored a little later, with further changes."""
        self._left: set[int] = set()
        self._storing: asyncio.Task[None] | None = None
        self._storing_transient: asyncio.TimerHandle | None = None
        self._gone: list[int] = []
        self._turn = asyncio.Lock()

    @property
    def is_alone(self) -> bool:
        """Whether all peers live here, because there are no other processes."""
        return self._world[Others].is_alone

    @property
    def me(self) -> int:
        """The number of this process."""
        return self._world[Others].me

    async def claim(self, room_id: int) -> tuple[int, str]:
        """Return the home of a room, which is this process if it has none, and the transient data stored for it.

        Raises Unavailable.
        """
        if self.is_alone:
            return self.me, ""
        async with self._turn:  # a room that is being given up must not be claimed before that is stored
            claimed = await self._world.db.write(lambda tx: service.claim(tx, room_id, self.me))
            self._left.discard(room_id)
            return claimed

    async def find(self, peer_id: str) -> Found | None:
        """Return a peer of any process, or None. Wait until the database can be used."""
        return await self._signaling.read(lambda tx: service.find(tx, peer_id))

    async def find_resumable(self, resume_id: str) -> Found | None:
        """Return the peer of any process that resumes with this secret, or None. Raises Unavailable."""
        return await self._world.db.read(lambda tx: service.find_resumable(tx, resume_id))

    # --- changes ------------------------------------------------------------------------------
    def note(self, peer: Peer) -> None:
        """Note that a peer has come to live here, or to another room."""
        if not self.is_alone and peer.owner is None:
            self._peers[peer.id] = peer
            self._ended.discard(peer.id)
            self._store_soon()

    def forget(self, peer: Peer) -> None:
        """Note nothing more of a peer that goes to live at another process."""
        self._peers.pop(peer.id, None)

    def note_end(self, peer: Peer) -> None:
        """Note that a peer has ended."""
        if not self.is_alone and peer.owner is None:
            self._peers.pop(peer.id, None)
            self._ended.add(peer.id)
            self._store_soon()

    def note_transient(self, room: LiveRoom) -> None:
        """Note that the transient data of a room have changed."""
        if self.is_alone:
            return
        if self._storing_transient is None:
            self._storing_transient = asyncio.get_running_loop().call_later(TRANSIENT_PAUSE, self._store_transient)
        self._changing[room.id] = room

    def _store_transient(self) -> None:
        self._storing_transient = None
        self._transient |= self._changing
        self._changing = {}
        if self._transient:
            self._store_soon()

    def note_empty(self, room_id: int) -> None:
        """Note that the last peer has left a room."""
        if not self.is_alone:
            self._transient.pop(room_id, None)
            self._changing.pop(room_id, None)
            self._left.add(room_id)
            self._store_soon()

    def _store_soon(self) -> None:
        if self._storing is None:
            self._storing = self._signaling.spawn(self._store())

    async def _store(self) -> None:
        try:
            while self._has_changed:
                await asyncio.sleep(PAUSE)
                try:
                    async with self._turn:
                        await self._store_changes()
                except Unavailable:  # clients that claim a room are answered meanwhile
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._storing = None

    async def flush(self) -> None:
        """Store what was noted now, because the server stops. Raises Unavailable."""
        self._transient |= self._changing
        self._changing = {}
        async with self._turn:
            if self._has_changed:
                await self._store_changes()

    @property
    def _has_changed(self) -> bool:
        return bool(self._peers or self._ended or self._transient or self._left)

    async def _store_changes(self) -> None:
        """Store what was noted up to now. If that fails, note it again, unless it has changed since."""
        peers, self._peers = self._peers, {}
        ended, self._ended = self._ended, set()
        rooms, self._transient = self._transient, {}
        left, self._left = self._left, set()
        try:
            await self._world.db.write(
                partial(
                    service.keep,
                    me=self.me,
                    peers=[_known(each) for each in peers.values()],
                    ended=sorted(ended),
                    transient={room_id: transient.dump(room) for room_id, room in rooms.items()},
                    left=[each for each in sorted(left) if self._is_empty(each)],
                )
            )
        except (Unavailable, asyncio.CancelledError):
            registry = self._signaling.registry
            living = {key: each for key, each in peers.items() if registry.find(key) is each}
            self._peers = living | self._peers
            self._ended |= {each for each in ended if registry.find(each) is None}
            self._transient = {
                key: each for key, each in rooms.items() if registry.find_room(key) is each
            } | self._transient
            self._left |= left
            raise

    def _is_empty(self, room_id: int) -> bool:
        return self._signaling.registry.find_room(room_id) is None

    # --- looking after ------------------------------------------------------------------------
    async def list_lost_rooms(self) -> set[int]:
        """Return the rooms with peers here whose home is another process by now. Raises Unavailable.

        That is so if this process has lost the database for so long that the others took it for dead.
        """
        rooms = [room.id for room in self._signaling.registry.list_rooms()]
        if not rooms or self.is_alone:
            return set()
        return await self._world.db.read(lambda tx: service.list_lost(tx, rooms, self.me))

    async def drop_ended(self, room: LiveRoom) -> None:
        """Take the peers out of a room whose session has ended, because the event of that may have been missed."""
        sessions = {peer.session_id for peer in room.list_all() if peer.session_id}
        living = await self._world.db.read(lambda tx: service.list_sessions(tx, room.id))
        for session_id in sessions - living:
            self._signaling.drop_session(session_id)

    async def forget_unserved(self) -> None:
        """Delete what is stored of peers of processes that ended some time ago."""
        try:
            self._gone = await self._world.db.write(lambda tx: service.forget_unserved(tx, self._gone))
        except Unavailable:
            return


def _known(peer: Peer) -> KnownPeer:
    token = peer.room.token if peer.room is not None else ""
    return KnownPeer(peer.identity, ids.fingerprint(peer.resume_id), token, peer.session_id)
