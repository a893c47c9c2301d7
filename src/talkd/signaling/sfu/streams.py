"""The streams that clients send and receive, each with a handle of a Janus gateway.

A stream that a client sends is a VideoRoom room of its own, with one publisher. A stream that a client receives is a
subscriber in that room.
"""

import asyncio
import contextlib
from typing import Any, Protocol

from talkd.bus.others import Others
from talkd.core import ids
from talkd.core.constants import Permission
from talkd.signaling.peer import Peer
from talkd.signaling.sfu import messages
from talkd.signaling.sfu.janus import Gateway, Handle, Jsep, Lost, Message, Refusal
from talkd.signaling.sfu.messages import Media, Payload, RoomType

FEED = 1
"""The id of the only publisher in a room."""
SID_LENGTH = 16
SWITCH_SECONDS = 1.0
"""How long the gateway may take to send another layer, which begins with a whole picture. It asks the sender for it
once. Browsers ignore such a request within 0.3 seconds of another one, and it may be lost."""
REMINDERS = 3
"""How often the gateway is asked again. A picture that is too small may lack the layer."""


class Owner(Protocol):
    """What is told of the life of streams."""

    def arrived(self, publisher: "Publisher") -> None:
        """Note that a client sends a stream, so that others can receive it."""

    def ended(self, stream: "Stream") -> None:
        """Note that the media of a stream have ended."""


class Stream:
    """One direction of a stream, for one client. What it does is done in order, by `lock`."""

    def __init__(self, owner: Owner, peer: Peer, sender: str, room_type: RoomType, sid: str, gateway: Gateway) -> None:
        self.owner = owner
        self.peer, self.sender, self.room_type, self.sid, self.gateway = peer, sender, room_type, sid, gateway
        self.lock = asyncio.Lock()
        self.is_closed = False
        self.handle: Handle | None = None
        self._is_described = False
        self._early: list[tuple[str, Any]] = []
        """Candidates that the gateway found before the client got its description, which clients need first."""

    async def open(self) -> Handle:
        """Return the handle. Raises Lost if the stream is closed."""
        if self.is_closed:
            raise Lost("the stream is closed")
        if self.handle is None:
            self.handle = await self.gateway.attach(self)
        return self.handle

    def require_handle(self) -> Handle:
        """Return the handle. Raises Lost if there is none."""
        if self.is_closed or self.handle is None:
            raise Lost("the stream is closed")
        return self.handle

    def notice(self, message: Message) -> None:
        """Pass on the ICE candidates of the gateway, and note the end of the media."""
        if self.is_closed:
            return
        if message.janus in ("hangup", "detached"):
            self.owner.ended(self)
        elif message.janus == "trickle" and message.candidate is not None:
            is_last = "completed" in message.candidate
            found = ("endOfCandidates", None) if is_last else ("candidate", {"candidate": message.candidate})
            if self._is_described:
                self.send(*found)
            else:
                self._early.append(found)

    def describe(self, message: Message, name: str) -> None:
        """Send the client the description in a message of the gateway. Raises Refusal if there is none."""
        if message.jsep is None:
            raise Refusal(0, "the gateway gave no description")
        if self.is_closed:
            return
        self.send(message.jsep.type, {"type": message.jsep.type, "sdp": message.jsep.sdp, "nick": name})
        self._is_described = True
        early, self._early = self._early, []
        for each in early:
            self.send(*each)

    def send(self, kind: str, payload: Any) -> None:
        """Send the client a message about this stream."""
        messages.send(self.peer, self.sender, kind, self.room_type, self.sid, payload)

    async def trickle(self, candidate: dict[str, Any] | None) -> None:
        """Pass on an ICE candidate of the client; None after the last one."""
        async with self.lock:
            await self.require_handle().trickle(candidate)

    async def close(self) -> None:
        """Free what the gateway keeps for the stream."""
        async with self.lock:
            handle, self.handle = self.handle, None
            if handle is not None:
                await self.free(handle)

    async def free(self, handle: Handle) -> None:
        """Free a handle."""
        await handle.detach()


class Publisher(Stream):
    """A stream that a client sends."""

    def __init__(self, owner: Owner, peer: Peer, media: Media, gateway: Gateway, bitrate: int, mark: str) -> None:
        super().__init__(owner, peer, peer.id, media.room_type, media.sid or ids.text(SID_LENGTH), gateway)
        self._settings = _settings(media, bitrate) | {"description": mark}
        self.needs = Permission.DEFAULT
        """The permissions that the media of the last offer need."""
        self.room = 0
        self.is_accepted = False
        """Whether the gateway has answered an offer."""
        self.is_up = False
        """Whether the client and the gateway are connected, so that others can receive the stream."""
        self.parts: set[str] = set()
        """The ids of audio, video and data in the stream."""
        self.subscribers: set[Subscriber] = set()

    def notice(self, message: Message) -> None:
        """Note also that the client is connected."""
        super().notice(message)
        if message.janus == "webrtcup" and not self.is_closed:
            self.is_up = True
            self.owner.arrived(self)

    async def publish(self, offer: Jsep) -> None:
        """Answer an offer of the client. Raises Refusal and Lost."""
        async with self.lock:
            handle = await self.open()
            if not self.room:
                created = await handle.ask({"request": "create", **self._settings})
                self.room = _data(created)["room"]
                await handle.ask({"request": "join", "ptype": "publisher", "room": self.room, "id": FEED})
            configured = await handle.ask({"request": "configure"}, offer)
            self.parts = {each["mid"] for each in _data(configured).get("streams", [])}
            self.describe(configured, self.peer.display_name)
            self.is_accepted = True

    async def free(self, handle: Handle) -> None:
        """Destroy the room, which ends all its subscribers."""
        if self.room:
            with contextlib.suppress(Refusal, Lost):
                await handle.ask({"request": "destroy", "room": self.room})
        await handle.detach()


class Subscriber(Stream):
    """A stream that a client receives."""

    def __init__(self, owner: Owner, peer: Peer, publisher: Publisher) -> None:
        super().__init__(owner, peer, publisher.peer.id, publisher.room_type, ids.text(SID_LENGTH), publisher.gateway)
        self.publisher = publisher
        self._parts: set[str] = set()
        """The parts of the stream that the client receives."""
        self._choice: Payload | None = None
        """The layer that the client chose, until it is sent."""

    def notice(self, message: Message) -> None:
        """Note also which layer is sent."""
        super().notice(message)
        sent = message.plugindata.data.get("substream") if message.plugindata is not None else None
        if self._choice is not None and sent == self._choice.substream:
            self._choice = None

    async def offer(self) -> None:
        """Offer the client the stream. Raises Refusal and Lost."""
        async with self.lock:
            handle = await self.open()
            streams = [{"feed": FEED}]
            joined = await handle.ask(
                {"request": "join", "ptype": "subscriber", "room": self.publisher.room, "streams": streams}
            )
            self._parts |= {each["feed_mid"] for each in _data(joined).get("streams", []) if "feed_mid" in each}
            self.describe(joined, self.publisher.peer.display_name)

    async def renew_offer(self) -> None:
        """Offer the client what the publisher sends by now, on the same connection. Raises Refusal and Lost."""
        async with self.lock:
            handle = self.require_handle()
            added = self.publisher.parts - self._parts
            if added:
                parts = [{"feed": FEED, "mid": each} for each in sorted(added)]
                answer = await handle.ask({"request": "update", "subscribe": parts})
            else:
                answer = await handle.ask({"request": "configure", "update": True})
            self._parts |= added
            self.describe(answer, self.publisher.peer.display_name)

    async def start(self, answer: Jsep) -> None:
        """Begin to send, or go on, as the client has answered. Raises Refusal and Lost."""
        async with self.lock:
            await self.require_handle().ask({"request": "start"}, answer)

    async def select(self, media: Media) -> None:
        """Choose layers of the stream. Raises Refusal and Lost."""
        payload = media.payload
        chosen = {
            "substream": payload.substream,
            "temporal": payload.temporal,
            "audio": payload.audio,
            "video": payload.video,
        }
        body = {"request": "configure", **{key: value for key, value in chosen.items() if value is not None}}
        if payload.substream is not None:
            self._choice = payload
        async with self.lock:
            await self.require_handle().ask(body)
        if payload.substream is None:
            return
        for _ in range(REMINDERS):
            await asyncio.sleep(SWITCH_SECONDS)
            async with self.lock:
                if self._choice is not payload or self.is_closed:
                    return
                await self.require_handle().ask(body)


def _settings(media: Media, bitrate: int) -> dict[str, Any]:
    """Return the settings of the room for a stream. A client may ask for a lower bitrate, and for codecs."""
    settings: dict[str, Any] = {
        "publishers": 1,
        "videoorient_ext": False,
        "bitrate": min(media.bitrate, bitrate) if media.bitrate > 0 else bitrate,
    }
    if media.audiocodec in messages.AUDIO_CODECS:
        settings["audiocodec"] = media.audiocodec
    if media.videocodec in messages.VIDEO_CODECS:
        settings["videocodec"] = media.videocodec
    if media.vp9profile.isalnum():
        settings["vp9_profile"] = media.vp9profile
    if media.h264profile.isalnum():
        settings["h264_profile"] = media.h264profile
    return settings


class _Nobody:
    """Listens to a handle without a stream."""

    def notice(self, message: Message) -> None:
        """Ignore an event."""


class Marks:
    """How rooms in gateways say to which installation and process they belong."""

    def __init__(self, installation: str, others: Others) -> None:
        self._installation, self._others = installation, others
        self.mine = f"{installation} {others.me}" if others.me else installation
        """The mark of this process."""

    def is_abandoned(self, mark: str) -> bool:
        """Return True if no living process but this one has rooms with this mark."""
        installation, _, process = mark.rpartition(" ")
        if mark in (self.mine, self._installation):
            return True
        return installation == self._installation and int(process) not in self._others.living


async def remove_rooms(gateway: Gateway, marks: Marks) -> None:
    """Remove the rooms that nobody else uses, and with them their streams. Raises Refusal and Lost."""
    handle = await gateway.attach(_Nobody())
    for room in _data(await handle.ask({"request": "list"})).get("list", []):
        if marks.is_abandoned(str(room.get("description", ""))):
            with contextlib.suppress(Refusal):  # somebody else has removed it
                await handle.ask({"request": "destroy", "room": room["room"]})
    await handle.detach()


def _data(message: Message) -> dict[str, Any]:
    """Return what the plugin said. Raises Refusal if it said nothing."""
    if message.plugindata is None:
        raise Refusal(0, "the plugin gave no answer")
    return message.plugindata.data
