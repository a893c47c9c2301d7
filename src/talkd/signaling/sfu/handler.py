"""What clients write about media: who sends which stream, who receives it, and the end of both."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from talkd.areas.settings import service as settings
from talkd.areas.signaling import identity_service as identities
from talkd.areas.signaling.model import needed_permissions
from talkd.bus.others import Others
from talkd.core import ids
from talkd.core.constants import Permission
from talkd.core.errors import Unavailable
from talkd.core.log import Log
from talkd.signaling import messages as protocol
from talkd.signaling.messages import Refused, Relayed
from talkd.signaling.peer import Peer
from talkd.signaling.sfu import messages
from talkd.signaling.sfu.janus import Gateway, Jsep, Lost, Refusal
from talkd.signaling.sfu.messages import Media
from talkd.signaling.sfu.streams import Marks, Publisher, Stream, Subscriber, remove_rooms

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

log = Log(__name__)

FEATURES = ("mcu", "offer-codecs", "simulcast", "update-sdp")
"""What the server announces to clients because of the SFU."""
OF_STREAMS = frozenset(
    {"offer", "answer", "candidate", "endOfCandidates", "requestoffer", "sendoffer", "selectStream", "unshareScreen"}
)
PATIENCE = 10.0
"""Seconds that a subscriber waits for a stream that is not sent yet."""

MAX_WAITING = 1024 * 1024
"""Bytes of messages of one client that may wait for gateways."""
COST = 1024
"""Bytes that each of these messages costs besides its content."""
STOP_SECONDS = 2.0
"""How long a server that stops waits for the gateways to free all streams."""

ROOMS = "media:rooms"
"""The fact by which the rooms of this installation in gateways are known."""

Key = tuple[str, str]
"""A stream: the id of the peer that sends it, and its type."""


class Sfu:
    """All streams that go through the gateways."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        calls = signaling.world.config.calls
        self._bitrates = {"screen": calls.screen_bitrate}
        self._bitrate = calls.stream_bitrate
        self.gateways = [Gateway(url, calls.janus_secret, self) for url in calls.janus]
        self._running: list[asyncio.Task[None]] = []
        self._publishers: dict[Key, Publisher] = {}
        self._subscribers: dict[tuple[str, Key], Subscriber] = {}
        self._arrivals: defaultdict[Key, set[asyncio.Future[None]]] = defaultdict(set)
        """Those who wait for a stream."""
        self._stranded: set[Peer] = set()
        """Peers that have lost what they sent, and cannot send it again yet."""
        self._waiting: Counter[Peer] = Counter()
        """The bytes of the messages of each peer that are not handled yet."""
        self._marks = Marks("", signaling.world[Others])
        self.bandwidth = {"maxstreambitrate": calls.stream_bitrate, "maxscreenbitrate": calls.screen_bitrate}
        """What clients are told when they join a room."""

    # --- life --------------------------------------------------------------------------------
    async def start(self) -> None:
        """Connect to the gateways."""
        world = self._signaling.world
        installation = await world.db.write(lambda tx: settings.get_fact(tx, ROOMS, lambda: f"talkd {ids.text(16)}"))
        self._marks = Marks(installation, world[Others])
        self._running = [asyncio.ensure_future(gateway.run()) for gateway in self.gateways]

    async def stop(self) -> None:
        """Leave the gateways, which frees all streams."""
        closing = [asyncio.ensure_future(publisher.close()) for publisher in self._publishers.values()]
        self._publishers.clear()
        self._stranded.clear()
        if closing:
            await asyncio.wait(closing, timeout=STOP_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def prepare(self, gateway: Gateway) -> None:
        """Remove what processes that were killed, or this one before it lost the connection, have left in a gateway."""
        await remove_rooms(gateway, self._marks)

    def answered(self) -> None:
        """Let clients that have lost what they sent begin anew."""
        stranded, self._stranded = self._stranded, set()
        for peer in stranded:
            self._signaling.renew(peer)

    def lost(self, gateway: Gateway) -> None:
        """Let clients that sent streams to a gateway begin anew, now or as soon as there is a gateway.

        A client cannot be asked to send a stream again, but a client whose session is gone begins a new one and sends
        what it sent before. The others ask for it as for the streams of a newcomer.
        """
        publishers = [each for each in self._publishers.values() if each.gateway is gateway]
        for publisher in publishers:
            self._drop_publisher(publisher)
        self._strand(publisher.peer for publisher in publishers)

    def _strand(self, peers: Iterable[Peer]) -> None:
        """Let clients whose streams are lost begin anew, now or as soon as there is a gateway that answers."""
        self._stranded.update(peers)
        if any(each.is_connected and not each.is_slow for each in self.gateways):
            self.answered()

    # --- messages of clients -----------------------------------------------------------------
    def take(self, peer: Peer, relayed: Relayed, request_id: str) -> bool:
        """Handle a message if it is about a stream. Return False if it is for other clients.

        Raises Refused. What takes time is done in a task, in the order of the messages about one stream.
        """
        room, other = peer.room, relayed.recipient.sessionid
        kind = protocol.find_type(relayed.data)
        if room is None or relayed.recipient.type != "session" or kind not in OF_STREAMS:
            return False
        if kind == "unshareScreen":
            self._drop(peer, "screen")
            return False
        if other != peer.id and (kind == "offer" or other in room.polling or other[1:] in room.polling):
            return False
        cost = COST + len(relayed.data)
        if self._waiting[peer] + cost > MAX_WAITING:
            raise Refused("too_many_requests", "The media server is slow; try again later.")
        media = messages.parse(relayed.data)
        if other == peer.id:
            work = self._of_publisher(peer, media, relayed.data)
        else:
            work = self._of_subscriber(peer, other, media)
        self._waiting[peer] += cost
        self._signaling.spawn(self._finish_waiting(peer, request_id, work, cost))
        return True

    async def _finish_waiting(self, peer: Peer, request_id: str, work: Coroutine[Any, Any, None], cost: int) -> None:
        try:
            await self._finish(peer, request_id, work)
        finally:
            self._waiting[peer] -= cost
            if not self._waiting[peer]:
                del self._waiting[peer]

    async def _finish(self, peer: Peer, request_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refused as refused:
            peer.send(protocol.refusal(refused, request_id))
        except (Refusal, Lost, Unavailable) as error:
            log.info("stream_failed", reason=str(error))
            peer.send(protocol.refusal(Refused("processing_failed", "The stream failed; try again."), request_id))
        except Exception:
            log.exception("stream_failed")
            peer.send(protocol.refusal(Refused("internal_error", "The log has the reason."), request_id))

    def _of_publisher(self, peer: Peer, media: Media, data: msgspec.Raw) -> Coroutine[Any, Any, None]:
        """Return what a message about a stream of the client itself causes. Raises Refused."""
        key = (peer.id, media.room_type)
        if media.type == "offer":
            offer = messages.require_description(media)
            return self._publish(peer, media, offer, needed_permissions(protocol.read_content(data)))
        publisher = self._publishers.get(key)
        if media.type in ("requestoffer", "sendoffer"):
            raise Refused("not_allowed", "You cannot receive your own stream.")
        if publisher is None:
            raise Refused("client_not_found", "You do not send this stream.")
        if media.type == "candidate":
            return publisher.trickle(messages.require_candidate(media))
        if media.type == "endOfCandidates":
            return publisher.trickle(None)
        raise Refused("bad_request", "This message is for the stream of another client.")

    def _of_subscriber(self, peer: Peer, other: str, media: Media) -> Coroutine[Any, Any, None]:
        """Return what a message about the stream of another client causes. Raises Refused."""
        key = (other, media.room_type)
        if media.type == "sendoffer":
            return self._send_offer(peer, other, media)
        subscriber = self._subscribers.get((peer.id, key))
        if media.type == "requestoffer":
            if subscriber is not None and media.sid == subscriber.sid:
                return subscriber.renew_offer()
            return self._subscribe(peer, other, media)
        if subscriber is None or (media.sid and media.sid != subscriber.sid):
            raise Refused("client_not_found", "You do not receive this stream.")
        if media.type == "answer":
            return subscriber.start(messages.require_description(media))
        if media.type == "candidate":
            return subscriber.trickle(messages.require_candidate(media))
        if media.type == "endOfCandidates":
            return subscriber.trickle(None)
        return subscriber.select(media)

    # --- sending -----------------------------------------------------------------------------
    def _publish(self, peer: Peer, media: Media, offer: Jsep, needs: Permission) -> Coroutine[Any, Any, None]:
        """Make the stream at once, so that the candidates that follow find it."""
        key = (peer.id, media.room_type)
        publisher = self._publishers.get(key)
        if publisher is not None and media.sid and media.sid != publisher.sid:
            receivers = [each.peer for each in publisher.subscribers]
            self._drop_publisher(publisher)
            publisher = None
            for receiver in receivers:
                self._signaling.spawn(self._finish(receiver, "", self._subscribe(receiver, peer.id, media)))
        if publisher is None:
            gateways = [each for each in self.gateways if each.is_connected]
            if not gateways:
                self._stranded.add(peer)
                raise Refused("processing_failed", "No media server can be reached.")
            gateway = min(gateways, key=lambda each: (each.is_slow, each.load))
            bitrate = self._bitrates.get(media.room_type, self._bitrate)
            publisher = self._publishers[key] = Publisher(self, peer, media, gateway, bitrate, self._marks.mine)
        publisher.needs = needs
        return self._negotiate(publisher, offer)

    async def _negotiate(self, publisher: Publisher, offer: Jsep) -> None:
        """Answer an offer."""
        try:
            if not await self._is_in_call(publisher.peer):
                raise Refused("not_allowed", "Join the call first.")
            await publisher.publish(offer)
        except BaseException as error:
            if not publisher.is_accepted:
                is_lost = isinstance(error, Lost) and not publisher.is_closed
                self._drop_publisher(publisher)
                if is_lost:
                    self._strand([publisher.peer])
            raise

    def arrived(self, publisher: Publisher) -> None:
        """Let those who wait for a stream go on."""
        for waiting in self._arrivals.pop((publisher.peer.id, publisher.room_type), ()):
            if not waiting.done():
                waiting.set_result(None)

    def ended(self, stream: Stream) -> None:
        """Free a stream whose media have ended."""
        if isinstance(stream, Publisher):
            self._drop_publisher(stream)
        elif isinstance(stream, Subscriber):
            self._drop_subscriber(stream)

    async def _send_offer(self, peer: Peer, other: str, media: Media) -> None:
        """Offer one's own stream to another client."""
        room = peer.room
        receiver = room.members.get(other) if room is not None else None
        if receiver is None:
            raise Refused("client_not_found", "The other client is not in this room.")
        await self._subscribe(receiver, peer.id, media)

    # --- receiving ---------------------------------------------------------------------------
    async def _subscribe(self, peer: Peer, other: str, media: Media) -> None:
        """Offer a client the stream of another one, which may begin to send it in the next seconds."""
        room = peer.room
        sender = room.members.get(other) if room is not None else None
        if sender is None or not (peer.is_present and sender.is_present):
            raise Refused("not_allowed", "Only participants of the same call can be received.")
        if not (await self._is_in_call(peer) and await self._is_in_call(sender)):
            raise Refused("not_allowed", "Only participants of the same call can be received.")
        publisher = await self._await_publisher((other, media.room_type))
        if peer.room is not room or sender.room is not room:
            raise Refused("client_not_found", "The other client has left.")
        place = (peer.id, (other, media.room_type))
        earlier = self._subscribers.get(place)
        if earlier is not None:
            self._drop_subscriber(earlier)
        subscriber = self._subscribers[place] = Subscriber(self, peer, publisher)
        publisher.subscribers.add(subscriber)
        try:
            await subscriber.offer()
        except BaseException:
            self._drop_subscriber(subscriber)
            raise

    async def _await_publisher(self, key: Key) -> Publisher:
        """Return the publisher of a stream. Raises Refused if there is none in time."""
        publisher = self._publishers.get(key)
        if publisher is None or not publisher.is_up:
            arrival = asyncio.get_running_loop().create_future()
            self._arrivals[key].add(arrival)
            try:
                async with asyncio.timeout(PATIENCE):
                    await arrival
            except TimeoutError:
                pass
            finally:
                self._forget_arrival(key, arrival)
            publisher = self._publishers.get(key)
        if publisher is None or not publisher.is_up:
            raise Refused("client_not_found", "The other client does not send this stream.")
        return publisher

    def _forget_arrival(self, key: Key, arrival: asyncio.Future[None]) -> None:
        if key in self._arrivals:
            self._arrivals[key].discard(arrival)
            if not self._arrivals[key]:
                del self._arrivals[key]

    async def _is_in_call(self, peer: Peer) -> bool:
        """Return True if the peer is in the call of its room. Parts of the installation always are."""
        room, session_id = peer.room, peer.session_id
        if peer.in_call or peer.is_internal or room is None:
            return room is not None
        found = await self._signaling.world.db.read(lambda tx: identities.list_present(tx, room.token))
        return found is not None and any(
            session.session_id == session_id and session.in_call for session, _ in found.sessions
        )

    # --- the end -----------------------------------------------------------------------------
    def release(self, peer: Peer) -> None:
        """Free all streams of a peer that has left the room or the call."""
        self._stranded.discard(peer)
        for publisher in [each for each in self._publishers.values() if each.peer is peer]:
            self._drop_publisher(publisher)
        for subscriber in [each for each in self._subscribers.values() if each.peer is peer]:
            self._drop_subscriber(subscriber)

    def review(self, peer: Peer) -> None:
        """Free the streams that a peer may no longer send or receive."""
        if not peer.is_present:
            self.release(peer)
        for publisher in [each for each in self._publishers.values() if each.peer is peer]:
            if publisher.needs != Permission.DEFAULT and not peer.may(publisher.needs):
                self._drop_publisher(publisher)

    def _drop(self, peer: Peer, room_type: str) -> None:
        publisher = self._publishers.get((peer.id, room_type))
        if publisher is not None:
            self._drop_publisher(publisher)

    def _drop_publisher(self, publisher: Publisher) -> None:
        for subscriber in list(publisher.subscribers):
            self._drop_subscriber(subscriber)
        key = (publisher.peer.id, publisher.room_type)
        if self._publishers.get(key) is publisher:
            del self._publishers[key]
        self._close(publisher)

    def _drop_subscriber(self, subscriber: Subscriber) -> None:
        publisher = subscriber.publisher
        publisher.subscribers.discard(subscriber)
        place = (subscriber.peer.id, (publisher.peer.id, publisher.room_type))
        if self._subscribers.get(place) is subscriber:
            del self._subscribers[place]
        self._close(subscriber)

    def _close(self, stream: Stream) -> None:
        if not stream.is_closed:
            stream.is_closed = True
            self._signaling.spawn(stream.close())
