"""The front's side: sockets of this process whose peers live at another one, the home.

The front passes on what a client says, and what its home answers. If the home dies, the client's peer comes to live
here with what the database knows of it, and the client notices nothing but a new list of who is there.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from talkd.areas.signaling.home_model import KnownPeer
from talkd.bus.others import Others
from talkd.signaling import hello, joining, letters, messages
from talkd.signaling.connection import Connection
from talkd.signaling.far import KIND, FarSocket
from talkd.signaling.letters import (
    Adopt,
    Attach,
    Attached,
    Confirmed,
    Forgotten,
    Frames,
    Handled,
    HangUp,
    Letter,
    Lost,
    Moved,
    PeerState,
    Ping,
    Renew,
    Said,
)
from talkd.signaling.messages import Hello, Refused
from talkd.signaling.peer import Peer
from talkd.signaling.websocket import WebSocket

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

STORED_SECONDS = 0.3
"""How long after its hello a peer is stored at the latest, if the database is not slow."""
ATTACH_SECONDS = 5.0
"""How long a home may take to answer a client that resumes. Then it counts as dead."""


@dataclass(slots=True)
class Passage:
    """Where the peer of a socket lives."""

    home: int
    peer_id: str
    resume_id: str
    number: int
    """The number of the socket."""
    held: bytes | None = None
    """The message that the home is handling, if later ones wait for it."""


class Passages:
    """The sockets of this process whose peers live at others."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self._others = signaling.world[Others]
        self._sockets: dict[int, WebSocket] = {}
        self._numbers = 0
        self._doubted: set[int] = set()
        """Homes that were not serving the database at the last look."""
        self._attaching: dict[int, asyncio.Future[bool]] = {}

    # --- to the home --------------------------------------------------------------------------
    def move(self, socket: Connection, peer: Peer, home: int, message: bytes) -> None:
        """Let a peer that is in no room live at another process, which then handles a message of its client."""
        self._signaling.registry.remove(peer)
        self._signaling.homes.forget(peer)
        socket.peer, peer.line = None, None
        socket.set_deadline(None)
        state = peer.export()
        if isinstance(socket, FarSocket):
            number = socket.number
            socket.forget()
            self._signaling.elsewhere.far_sockets.tell(socket.front, Moved(number, home, state, message))
        elif isinstance(socket, WebSocket):
            self._send_to(socket, home, state, message)

    def _send_to(self, socket: WebSocket, home: int, state: PeerState, message: bytes) -> None:
        passage = self._begin(socket, home, state.identity.id, state.resume_id)
        self._hold(socket, passage, message)
        self._tell(home, Adopt(passage.number, state, message))

    def _begin(self, socket: WebSocket, home: int, peer_id: str, resume_id: str) -> Passage:
        self._numbers += 1
        passage = Passage(home, peer_id, resume_id, self._numbers)
        self._sockets[passage.number], socket.far = socket, passage
        return passage

    def _end(self, socket: Connection) -> None:
        if socket.far is not None:
            self._sockets.pop(socket.far.number, None)
            socket.far = None

    def _hold(self, socket: Connection, passage: Passage, message: bytes) -> None:
        """Let the next messages of a client wait until its home has handled this one, which may move it."""
        passage.held = message
        socket.busy = asyncio.get_running_loop().create_future()

    def _tell(self, home: int, letter: Letter) -> None:
        self._others.tell_one(home, KIND, letters.encode(letter))

    def say(self, socket: Connection, passage: Passage, message: bytes) -> None:
        """Pass on a message of a client."""
        is_awaited = _may_move(message)
        if is_awaited:
            self._hold(socket, passage, message)
        self._tell(passage.home, Said(passage.number, message, is_awaited))

    def confirm(self, passage: Passage, content: bytes) -> None:
        """Pass on the answer to a ping."""
        self._tell(passage.home, Confirmed(passage.number, content))

    def lose(self, socket: Connection) -> None:
        """Tell the home that a socket is closed."""
        if socket.far is not None:
            self._tell(socket.far.home, Lost(socket.far.number))
            self._end(socket)

    # --- from the home ------------------------------------------------------------------------
    def take(self, home: int, letter: Letter) -> None:
        """Handle what a home tells."""
        if isinstance(letter, Frames):
            self._send(home, letter)
        elif isinstance(letter, Attached):
            waiting = self._attaching.get(letter.socket)
            if waiting is not None and not waiting.done():
                waiting.set_result(letter.is_there)
        elif isinstance(letter, Moved):
            self._follow(home, letter)
        elif isinstance(letter, Forgotten):
            self.cut({home})
        elif isinstance(letter, Ping | HangUp | Handled):
            socket = self._find(home, letter.socket)
            if socket is not None:
                self._take_order(socket, letter)

    def _send(self, home: int, letter: Frames) -> None:
        for numbers, frame in letter.frames:
            for number in numbers:
                socket = self._find(home, number)
                if socket is not None:
                    socket.send_frame(frame)

    def _take_order(self, socket: WebSocket, letter: Ping | HangUp | Handled) -> None:
        if isinstance(letter, Ping):
            socket.ping(letter.content)
        elif isinstance(letter, HangUp):
            self._end(socket)
            socket.hang_up()
        elif socket.far is not None:
            socket.far.held = None
            socket.go_on()

    def _find(self, home: int, number: int) -> WebSocket | None:
        socket = self._sockets.get(number)
        return socket if socket is not None and socket.far is not None and socket.far.home == home else None

    def _follow(self, home: int, letter: Moved) -> None:
        """Follow a peer that moves to another home, perhaps to this process."""
        socket = self._find(home, letter.socket)
        if socket is None:  # the client is gone and may resume
            peer = Peer.restore(letter.state)
            self._signaling.elsewhere.settle(peer, None)
            return
        self._end(socket)
        if letter.home != self._others.me:
            self._send_to(socket, letter.home, letter.state, letter.message)
            return
        peer = Peer.restore(letter.state)
        self._signaling.elsewhere.settle(peer, socket)
        self._signaling.require_room_soon(peer)
        socket.waiting.appendleft(letter.message)
        socket.go_on()

    # --- resuming -----------------------------------------------------------------------------
    async def resume(self, socket: Connection, given: Hello, features: list[str], request_id: str) -> bool:
        """Let a client go on with its peer at another process, or with what is known of it if that one has died.

        Return False if it has no peer that can be resumed. Raises Unavailable.
        """
        found = await self._signaling.homes.find_resumable(given.resumeid)
        if found is None:  # its home may be just storing it
            await asyncio.sleep(STORED_SECONDS)
            found = await self._signaling.homes.find_resumable(given.resumeid)
        if found is None or found.process == self._others.me or not isinstance(socket, WebSocket):
            return False
        socket.set_deadline(None)  # its hello has come
        if found.is_served:
            is_there = await self._attach(socket, found.process, found.peer, given, features, request_id)
            if is_there is not None:
                if not is_there:
                    self._signaling.expect_hello(socket)
                return is_there
        if not socket.is_open:
            return True
        peer = self._revive(found.peer, given.resumeid, socket)
        peer.features = frozenset(features) or peer.features
        hello.greet(self._signaling, peer, socket, given.version, request_id)
        await joining.enter_again(self._signaling, peer, found.peer)
        return True

    async def _attach(
        self, socket: WebSocket, home: int, peer: KnownPeer, given: Hello, features: list[str], request_id: str
    ) -> bool | None:
        """Ask the home of a peer to use this socket. Return whether the peer is there, or None without an answer."""
        passage = self._begin(socket, home, peer.identity.id, given.resumeid)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._attaching[passage.number] = answer
        self._tell(
            home,
            Attach(
                passage.number, peer.identity.id, given.resumeid, socket.address, features, given.version, request_id
            ),
        )
        try:
            async with asyncio.timeout(ATTACH_SECONDS):
                is_there = await answer
        except TimeoutError:
            self.lose(socket)
            return None
        finally:
            del self._attaching[passage.number]
        if not is_there:
            self._end(socket)
        return is_there

    def _revive(self, known: KnownPeer, resume_id: str, socket: Connection | None) -> Peer:
        """Let a peer whose home has died live here, with what is known of it. It is in no room yet."""
        peer = Peer.identified(known.identity, resume_id)
        self._signaling.elsewhere.settle(peer, socket)
        if peer.user_id is not None:
            self._signaling.check_logins(peer.user_id)  # the login may have ended when nobody looked
        return peer

    def lose_homes(self, homes: set[int]) -> None:
        """Let the peers of processes that have died live here, if their clients have a socket here."""
        for number, waiting in list(self._attaching.items()):
            socket = self._sockets.get(number)
            if socket is not None and socket.far is not None and socket.far.home in homes and not waiting.done():
                waiting.set_exception(TimeoutError())
        for socket in list(self._sockets.values()):
            passage = socket.far
            if passage is not None and passage.home in homes and passage.number not in self._attaching:
                self._end(socket)
                socket.busy = socket.busy or asyncio.get_running_loop().create_future()
                self._signaling.spawn(self._take_over(socket, passage))

    async def _take_over(self, socket: WebSocket, passage: Passage) -> None:
        known = await self._signaling.homes.find(passage.peer_id)
        if not socket.is_open:
            return
        if known is None:
            socket.hang_up()  # the client says hello anew
            return
        peer = self._revive(known.peer, passage.resume_id, socket)
        if passage.held is not None:
            socket.waiting.appendleft(passage.held)
        try:
            await joining.enter_again(self._signaling, peer, known.peer)
        finally:
            if socket.far is None or socket.far.held is None:  # otherwise its new home handles its request
                socket.go_on()

    def look(self) -> None:
        """Go on without homes that were not serving the database at the last call either."""
        missing = {
            each.far.home for each in self._sockets.values() if each.far is not None
        } - self._others.living.keys()
        self.lose_homes(missing & self._doubted)
        self._doubted = missing

    def cut(self, homes: set[int]) -> None:
        """Close the sockets of peers that live at these processes: something they were told was lost.

        Their clients resume, and get again what they have not confirmed. Those who wait for the answer to a join begin
        anew, since the join may be lost.
        """
        for socket in list(self._sockets.values()):
            passage = socket.far
            if passage is not None and passage.home in homes:
                if passage.held is not None:
                    self._tell(passage.home, Renew(passage.peer_id, passage.resume_id))
                socket.cut()


def is_for_home(letter: Letter) -> bool:
    """Return True for what a front tells a home, False for what a home tells a front."""
    return isinstance(letter, Adopt | Attach | Said | Confirmed | Lost | Renew)


def _may_move(message: bytes) -> bool:
    """Return True for a message after which the peer may live at another process: one that joins a room."""
    try:
        return messages.parse(message).type == "room"
    except Refused:
        return False
