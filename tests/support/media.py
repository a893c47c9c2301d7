"""Clients that send and receive audio and video through an SFU."""

import asyncio
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame

from support.running import LoopThread
from support.sockets import Socket

FRAME_SECONDS = 0.1


class SmallVideo(VideoStreamTrack):
    """A picture that costs little to encode and decode."""

    async def recv(self) -> VideoFrame:
        """Return the next frame."""
        await asyncio.sleep(FRAME_SECONDS)
        frame = VideoFrame(width=64, height=48)
        frame.pts, frame.time_base = await self.next_timestamp()
        return frame


TRACKS = {"audio": AudioStreamTrack, "video": SmallVideo}
FRAMES = 3
SECONDS = 20.0


class Media:
    """The streams of a client that is connected by `socket`."""

    def __init__(self, socket: Socket, loop: LoopThread) -> None:
        self.socket, self._loop = socket, loop
        self._connections: dict[tuple[str, str], RTCPeerConnection] = {}
        """By the session that sends the stream, and the id of the connection for it."""

    def close(self) -> None:
        """Close all connections for media."""
        self._loop.run(self._close())

    async def _close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._connections.values()))

    # --- sending ----------------------------------------------------------------------------
    def publish(
        self, room_type: str = "video", sid: str = "1", kinds: tuple[str, ...] = ("audio", "video"), **wishes: Any
    ) -> str:
        """Send a stream, or add to the one with this id. Return the answer of the SFU once media flow."""
        is_new = (self.socket.id, sid) not in self._connections
        connection = self._open(self.socket.id, sid)
        self._loop.run(self._offer(connection, kinds))
        payload = {"type": "offer", "sdp": _description(connection)}
        self.socket.tell(self.socket.id, "offer", roomType=room_type, sid=sid, payload=payload, **wishes)
        answer = self.socket.data("answer", self.socket.id)
        assert (answer["roomType"], answer["sid"]) == (room_type, sid)
        self._loop.run(self._take(connection, answer["payload"]))
        if is_new:
            self._take_candidates(connection, self.socket.id, sid)
        self._loop.run(_await_connection(connection))
        text: str = answer["payload"]["sdp"]
        return text

    async def _offer(self, connection: RTCPeerConnection, kinds: tuple[str, ...]) -> None:
        for kind in kinds:
            connection.addTrack(TRACKS[kind]())
        await connection.setLocalDescription(await connection.createOffer())

    # --- receiving ----------------------------------------------------------------------------
    def receive(self, other: Socket, room_type: str = "video") -> dict[str, Any]:
        """Ask for a stream, receive frames of all its tracks, and return the offer."""
        self.socket.tell(other.id, "requestoffer", roomType=room_type)
        return self.accept(other)

    def accept(self, other: Socket) -> dict[str, Any]:
        """Take the next offer of a stream, receive frames of all its tracks, and return the offer."""
        offer = self.socket.data("offer", other.id)
        is_new = (other.id, offer["sid"]) not in self._connections
        connection = self._open(other.id, offer["sid"])
        tracks: list[MediaStreamTrack] = []
        connection.on("track", tracks.append)
        self._loop.run(self._take(connection, offer["payload"]))
        self._loop.run(self._answer(connection))
        about = {"roomType": offer["roomType"], "sid": offer["sid"]}
        sdp = _description(connection)
        self.socket.tell(other.id, "answer", payload={"type": "answer", "sdp": sdp}, **about)
        if is_new:
            self._take_candidates(connection, other.id, offer["sid"])
        assert tracks
        for track in tracks:
            self._loop.run(_receive_frames(track))
        return offer

    async def _answer(self, connection: RTCPeerConnection) -> None:
        await connection.setLocalDescription(await connection.createAnswer())

    # --- both ---------------------------------------------------------------------------------
    def _open(self, sender: str, sid: str) -> RTCPeerConnection:
        if (sender, sid) not in self._connections:
            self._connections[sender, sid] = self._loop.run(self._create())
        return self._connections[sender, sid]

    async def _create(self) -> RTCPeerConnection:
        return RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def _take(self, connection: RTCPeerConnection, payload: dict[str, Any]) -> None:
        await connection.setRemoteDescription(RTCSessionDescription(payload["sdp"], payload["type"]))

    def _take_candidates(self, connection: RTCPeerConnection, sender: str, sid: str) -> None:
        """Take the candidates of the SFU, up to the last one."""
        while True:
            data = self.socket.data("candidate endOfCandidates", sender)
            if data["sid"] != sid:
                continue
            if data["type"] == "endOfCandidates":
                self._loop.run(connection.addIceCandidate(None))
                return
            self._loop.run(self._add(connection, data["payload"]["candidate"]))

    async def _add(self, connection: RTCPeerConnection, given: dict[str, Any]) -> None:
        candidate = candidate_from_sdp(given["candidate"].removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = given.get("sdpMid"), given["sdpMLineIndex"]
        await connection.addIceCandidate(candidate)


def _description(connection: RTCPeerConnection) -> str:
    """Return the client's session description, with one fingerprint, because older gateways know only one."""
    lines = connection.localDescription.sdp.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512")))


async def _await_connection(connection: RTCPeerConnection) -> None:
    changed = asyncio.Event()
    connection.on("connectionstatechange", changed.set)
    async with asyncio.timeout(SECONDS):
        while connection.connectionState != "connected":
            changed.clear()
            await changed.wait()


async def _receive_frames(track: MediaStreamTrack) -> None:
    async with asyncio.timeout(SECONDS):
        for _ in range(FRAMES):
            await track.recv()
