"""The signaling server: connections, their messages, and the function that handles each type of message."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from websockets.frames import CloseCode
from websockets.http11 import Request

from talkd import __version__
from talkd.areas.sessions import service as sessions
from talkd.areas.signaling import identity_service as identities
from talkd.areas.signaling import service as polls
from talkd.areas.signaling.polling import Polling
from talkd.areas.telephony.dialer import Dialer
from talkd.bus.others import Others
from talkd.core import clock, ids
from talkd.core.errors import Unavailable
from talkd.core.log import Log
from talkd.core.networks import subnet_of
from talkd.core.windows import Windows
from talkd.signaling import hello, internal, joining, messages, metrics, relay, transient
from talkd.signaling.announcing import Announcer
from talkd.signaling.chat import ChatRelay
from talkd.signaling.connection import Connection
from talkd.signaling.dialout import Dialouts
from talkd.signaling.elsewhere import Elsewhere
from talkd.signaling.homes import Homes
from talkd.signaling.messages import Incoming, Refused
from talkd.signaling.peer import Peer
from talkd.signaling.registry import Registry
from talkd.signaling.room_list import RoomList
from talkd.signaling.room_news import RoomNews
from talkd.signaling.sfu import handler as sfu
from talkd.signaling.sfu.handler import Sfu
from talkd.signaling.websocket import WebSocket
from talkd.storage.availability import RETRY_SECONDS, persist
from talkd.storage.database import Tx
from talkd.web.call import World
from talkd.web.proxies import Proxies
from talkd.web.server import route_path

log = Log(__name__)

T = TypeVar("T")

PATHS = ("/standalone-signaling/spreed", "/spreed")
"""Where clients open connections, below the server's own path."""
FEATURES = (
    "audio-video-permissions",
    "chat-relay",
    "hello-v2",
    "incall-all",
    "join-features",
    "recipient-call",
    "switchto",
    "transient-data",
    "transient-sessiondata",
    "virtual-sessions",
    "welcome",
)
"""What the server announces to clients."""
HELLO_SECONDS = 2.0
"""How long a client may take to say hello."""
RESUME_SECONDS = 30.0
"""How long a peer without a socket waits for its client to resume."""
ROOM_SECONDS = 10.0
"""How long a guest may take to join a room."""


MAX_DIGITS = 18
"""Digits of a number in the answer to a ping."""
PING_SECONDS = 54.0
"""A client that was silent for so long is pinged."""
LEFT = "socket_left"
"""The kind of the message to another process that the socket of a session that polls there is gone."""
MOVED = "settings_changed"
"""Why the server says bye to clients that must fetch the signaling settings again, since they name another server."""
PONG_SECONDS = 60.0
"""A client that was silent for so long is cut off."""


class Signaling:
    """The signaling server of this process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.registry = Registry()
        self.announcer = Announcer(self)
        self.chat = ChatRelay(self)
        self.room_list = RoomList(self)
        self.room_news = RoomNews(self)
        self.homes = Homes(self)
        self.elsewhere = Elsewhere(self)
        self.dialouts = Dialouts(world, self.registry, self.homes)
        world[Dialer].ask = self.dialouts.ask
        self.sockets: set[WebSocket] = set()
        self.slow: set[WebSocket] = set()
        """Those whose clients read more slowly than the server writes."""
        self._proxies = Proxies(world.config.server)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        calls = world.config.calls
        self.sfu = Sfu(self) if calls.janus and calls.signaling == "sockets" else None
        """Media through gateways; None if clients connect to each other."""
        self.features = FEATURES if self.sfu is None else tuple(sorted({*FEATURES, *sfu.FEATURES}))
        self.failed_resumes: Windows[str] = Windows()
        """Failed attempts to resume, by network."""
        self.received = 0
        """The messages that came since the metrics were shown last."""
        self._by_network: Counter[str] = Counter()
        self.ended_sessions = 0
        """Counts the sessions of rooms that have ended, so that a look at one notices that it may be outdated."""

    # --- what connections call ---------------------------------------------------------------
    def has_path(self, path: str) -> bool:
        """Return True if clients may open connections at this path: never while they use external servers."""
        return self.is_used and route_path(path, self.world.config.server.sub_path) in PATHS

    @property
    def is_used(self) -> bool:
        """Whether clients use this server, and not external ones or polls."""
        return self.world.config.calls.signaling == "sockets" and not self.world.talk_settings.signaling.servers

    def open(self, socket: WebSocket, peername: str, request: Request) -> None:
        """Welcome a client, which must say hello soon."""
        forwarded = ", ".join(request.headers.get_all("X-Forwarded-For"))
        socket.address = self._proxies.find_client(peername, forwarded or None)
        self.sockets.add(socket)
        network = subnet_of(socket.address)
        self._by_network[network] += 1
        if self._by_network[network] > self.world.config.security.sockets_by_address:
            socket.send(messages.refusal(Refused("too_many_requests", "Your network has too many connections.")))
            socket.hang_up()
            return
        self.expect_hello(socket)
        socket.send(messages.reply("welcome", {"version": __version__, "features": self.features}))

    def expect_hello(self, socket: Connection) -> None:
        """Close the connection of a client that does not say hello in time."""
        self.limit(socket, HELLO_SECONDS, "hello_expected")

    def receive(self, socket: Connection, message: bytes) -> None:
        """Handle a message, at once or in a task."""
        self.received += 1
        if socket.far is not None:
            self.elsewhere.passages.say(socket, socket.far, message)
            return
        incoming = None
        try:
            incoming = messages.parse(message)
            if socket.peer is None and incoming.type != "hello":
                raise Refused("hello_expected", "Say hello first.")
            handle = HANDLERS.get(incoming.type)
            if handle is None:
                raise Refused("bad_request", "The type of the message is unknown.")
            work = handle(self, socket, incoming)
        except Refused as refused:
            self._refuse(socket, refused, incoming.id if incoming is not None else messages.find_id(message))
            return
        except Exception as error:
            self._refuse(socket, _failure(error), incoming.id if incoming is not None else "")
            return
        if work is not None:
            socket.busy = self.spawn(self._finish(socket, incoming.id, work))

    def refuse_binary(self, socket: WebSocket) -> None:
        """Refuse a binary message: the protocol has none."""
        self._refuse(socket, Refused("invalid_format", "Send text messages."))

    def refuse_flood(self, socket: WebSocket, message: bytes) -> None:
        """Refuse a message of a client that sends too many."""
        self._refuse(socket, Refused("too_many_requests", "Send fewer messages."), messages.find_id(message))

    def confirm(self, socket: Connection, content: bytes) -> None:
        """Forget the messages that the client has received. The answer to a ping has the number of the last."""
        if not content.isdigit() or len(content) >= MAX_DIGITS:
            return
        if socket.far is not None:
            self.elsewhere.passages.confirm(socket.far, content)
        elif socket.peer is not None and socket.peer.line is socket:
            socket.peer.confirm(int(content))

    def _refuse(self, socket: Connection, refused: Refused, request_id: str = "") -> None:
        metrics.refusals.labels(refused.code).inc()
        (socket.peer or socket).send(messages.refusal(refused, request_id))

    def lose(self, socket: Connection) -> None:
        """Let the peer of a closed connection wait until its client resumes."""
        if socket in self.sockets:
            self.sockets.discard(socket)
            network = subnet_of(socket.address)
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]
        self.elsewhere.passages.lose(socket)
        peer, socket.peer = socket.peer, None
        if peer is not None and peer.line is socket:
            peer.line, peer.lost_at = None, asyncio.get_running_loop().time()

    # --- for the functions that handle messages ----------------------------------------------
    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in a task of its own. Nothing begins after the stop: the database is closed then."""
        if self._is_stopping:
            work.close()
            work = _nothing()
        task = asyncio.ensure_future(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def limit(self, socket: Connection, seconds: float, code: str) -> None:
        """Close the connection with an error after some seconds, unless another limit replaces this one.

        A client that is in a room then may stay, whichever of its connections it has joined on.
        """

        def expire() -> None:
            if socket.peer is not None and socket.peer.room is not None:
                return
            socket.send(messages.refusal(Refused(code)))
            if socket.peer is not None:
                self.end(socket.peer)
            socket.hang_up()

        socket.set_deadline(asyncio.get_running_loop().call_later(seconds, expire))

    def end(self, peer: Peer, reason: str = "") -> None:
        """End a peer: say bye, close its connection and take it out of its room."""
        line, peer.line, session_id = peer.line, None, peer.session_id
        if line is not None:
            line.send(messages.reply("bye", {"reason": reason} if reason else {}))
            line.hang_up()
        self.part(peer)
        self.registry.remove(peer)
        self.homes.note_end(peer)
        if peer.owner is not None:
            self.leave_call(session_id)
            peer.owner.virtual = {key: each for key, each in peer.owner.virtual.items() if each is not peer}

    def renew(self, peer: Peer) -> None:
        """End a peer, so that its client, which cannot resume, begins a new session and does again what it did."""
        line, peer.line = peer.line, None
        if line is not None:
            line.hang_up()
        self.end(peer)

    def part(self, peer: Peer) -> None:
        """Take a peer out of its room with its virtual peers, and tell the others."""
        for virtual in list(peer.virtual.values()):
            self.end(virtual)
        if self.sfu is not None:
            self.sfu.release(peer)
        room = self.registry.leave(peer)
        if room is not None:
            transient.forget_session(room, peer)
            self.announcer.schedule(room)
            self.homes.note(peer)
            if room.members:
                self.homes.note_transient(room)
            else:
                self.homes.note_empty(room.id)

    def require_room_soon(self, peer: Peer) -> None:
        """Close the connection of a guest that joins no room in time."""
        if peer.user_id is None and not peer.is_internal and isinstance(peer.line, Connection):
            self.limit(peer.line, ROOM_SECONDS, "timeout")

    def drop_session(self, session_id: str) -> None:
        """Take the peer of a session that has ended out of its room."""
        self.ended_sessions += 1
        peer = self.registry.find_by_session(session_id)
        if peer is not None and peer.owner is not None:
            peer.send(messages.reply("control", {"data": {"type": "hangup"}}))
            self.end(peer)
        elif peer is not None:
            self.part(peer)
            peer.send(messages.reply("room", {"roomid": ""}))
            self.require_room_soon(peer)

    def check_logins(self, user_id: str) -> None:
        """End the peers of a user whose login has ended; of all users if `user_id` is ""."""
        for each in [user_id] if user_id else self.registry.list_users():
            if self.registry.list_of_user(each):
                self.spawn(self._check_logins(each))

    async def _check_logins(self, user_id: str) -> None:
        for peer in self.registry.list_of_user(user_id):
            if not await self._is_valid(user_id, peer.login):
                session_id = peer.session_id
                self.end(peer, "logged_out")
                self.leave_call(session_id)

    def release_media(self, session_id: str) -> None:
        """Free the streams of a session that has left the call."""
        peer = self.registry.find_by_session(session_id)
        if peer is not None and self.sfu is not None:
            self.sfu.release(peer)

    async def _is_valid(self, user_id: str, login: str) -> bool:
        """Return True if a login has not ended."""
        return await self.read(lambda tx: identities.is_valid(tx, self.world.talk_settings, user_id, login))

    async def read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a read transaction that no client repeats: again each second until the database can be used."""
        return await persist(lambda: self.world.db.read(work))

    async def write(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a write transaction that no client repeats: again each second until the database can be used."""
        return await persist(lambda: self.world.db.write(work))

    def leave_call(self, session_id: str) -> None:
        """End the room's session of a client that has left or is gone, unless it goes on with long polls."""
        if session_id and not self.world.changes.waiting_of[session_id]:
            self.spawn(self._end_session(session_id))

    def _note_left(self, _sender: int, content: bytes) -> None:
        """End a session whose socket has left another process, unless its client polls here."""
        session_id = content.decode()
        if not self.world.changes.waiting_of[session_id]:
            self.spawn(self._end_session(session_id, decides=True))

    async def _end_session(self, session_id: str, *, decides: bool = False) -> None:
        """End a session. Without `decides`, ask the process that its newest poll has reached to do it."""
        others = self.world[Others]

        async def end(tx: Tx) -> int:
            if self.registry.find_by_session(session_id) is not None:
                return 0  # another socket has joined with it
            process = Polling.process_of(await polls.find_newest_poll(tx, session_id))
            if not decides and process in others.living:
                return process
            await sessions.end_by_id(tx, session_id)
            return 0

        process = await self.write(end)
        if process:
            others.tell_one(process, LEFT, session_id.encode())

    async def _finish(self, socket: Connection, request_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Handle a message, then those that have come in the meantime."""
        try:
            await work
        except Refused as refused:
            self._refuse(socket, refused, request_id)
        except Unavailable:
            self._refuse(socket, Refused("processing_failed", "Try again later."), request_id)
        except Exception as error:
            self._refuse(socket, _failure(error), request_id)
        if socket.far is None or socket.far.held is None:  # otherwise its home handles the message
            socket.go_on()

    # --- life --------------------------------------------------------------------------------
    def sweep(self) -> None:
        """Ping silent clients, cut those that do not answer, and end peers whose clients did not resume."""
        if not self.is_used:
            self._send_away()
        now = asyncio.get_running_loop().time()
        for socket in list(self.sockets):
            silent = now - socket.heard_at
            if silent > PONG_SECONDS:
                socket.cut()
            elif socket.is_unread():
                socket.drop()
            elif socket.peer is not None and (silent > PING_SECONDS or socket.peer.is_unconfirmed):
                socket.peer.ask_for_confirmation()
            elif socket.far is not None and silent > PING_SECONDS:
                socket.ping(b"")
        for far in self.elsewhere.far_sockets.list_all():
            if far.peer is not None and far.peer.is_unconfirmed:
                far.peer.ask_for_confirmation()
        for peer in self.registry:
            if peer.lost_at is not None and (now - peer.lost_at >= RESUME_SECONDS or peer.has_overflowed):
                session_id = peer.session_id
                self.end(peer)
                self.leave_call(session_id)
        self.failed_resumes.forget_old(clock.steady())
        metrics.show(
            sockets=len(self.sockets),
            peers=len(self.registry),
            rooms=len(self.registry.list_rooms()),
            received=self.received,
        )
        self.received = 0

    def _send_away(self) -> None:
        """End all peers and connections. The sessions go on: clients join with them on the server that they use now."""
        for peer in self.registry:
            self.end(peer, MOVED)
        for socket in list(self.sockets):
            if socket.far is not None:
                socket.send(messages.reply("bye", {"reason": MOVED}))
            socket.hang_up()

    async def start(self) -> None:
        """Connect to the media servers."""
        self.world[Others].on(LEFT, self._note_left)
        if self.sfu is not None:
            await self.sfu.start()

    async def stop(self) -> None:
        """Close all connections and end all tasks, because the server stops. Clients connect again."""
        self._is_stopping = True
        with suppress(Unavailable):
            await self.homes.flush()
        for socket in list(self.sockets):
            socket.close(CloseCode.GOING_AWAY)
        if self.sfu is not None:
            await self.sfu.stop()
        while self._tasks:  # a cancellation may get lost: the database driver can turn it into TimeoutError
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=RETRY_SECONDS)


def _failure(error: Exception) -> Refused:
    """Log an error. Return what the client is told."""
    number = ids.text(12)
    log.trace("signaling_failed", error, request_id=number)
    return Refused("internal_error", f"The log has the reason as {number}.")


async def _nothing() -> None:
    """Do nothing."""


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """Run something whose failure no client waits for."""
    try:
        await work
    except Unavailable:
        log.warning("signaling_unavailable")
    except Exception:
        log.exception("signaling_failed")


Handle = Callable[[Signaling, Connection, Incoming], Coroutine[Any, Any, None] | None]
"""Handles a message of one type: at once, or by the coroutine that it returns."""


def _bye(signaling: Signaling, socket: Connection, incoming: Incoming) -> None:
    """End the session at once."""
    peer = socket.peer
    socket.send(messages.reply("bye", {}, incoming.id))
    if peer is not None:
        session_id, peer.line = peer.session_id, None
        signaling.end(peer)
        signaling.leave_call(session_id)
    socket.hang_up()


HANDLERS: Mapping[str, Handle] = {
    "hello": hello.handle,
    "bye": _bye,
    "room": joining.handle,
    "message": relay.handle_message,
    "control": relay.handle_control,
    "transient": transient.handle,
    "internal": internal.handle,
}
