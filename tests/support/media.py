"""Clients that send and receive audio and video through an SFU."""

import asyncio
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp

from support.running import LoopThread
from support.sockets import Socket

TRACKS = {"audio": AudioStreamTrack, "video": VideoStreamTrack}
FRAMES = 5
SECONDS = 20.0


class Media:
    """The streams of a client that is connected by `socket`."""

    def __init__(self, socket: Socket, loop: LoopThread) -> None:
        self.socket, self._loop = socket, loop
        self._connections: list[RTCPeerConnection] = []

    def close(self) -> None:
        """Close all connections for media."""
        for each in self._connections:
            self._loop.run(each.close())

    # --- sending ----------------------------------------------------------------------------
    def publish(self, room_type: str = "video", sid: str = "1", kinds: tuple[str, ...] = ("audio", "video")) -> str:
        """Send a stream, and return the answer of the SFU once media flow."""
        connection = self._open()
        self._loop.run(self._offer(connection, kinds))
        sdp = _description(connection)
        self.socket.tell(self.socket.id, "offer", roomType=room_type, sid=sid, payload={"type": "offer", "sdp": sdp})
        answer = self.socket.data("answer", self.socket.id)
        assert (answer["roomType"], answer["sid"]) == (room_type, sid)
        self._loop.run(self._take(connection, answer["payload"]))
        self._take_candidates(connection, self.socket.id, sid)
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
        connection = self._open()
        tracks: list[MediaStreamTrack] = []
        connection.on("track", tracks.append)
        self._loop.run(self._take(connection, offer["payload"]))
        self._loop.run(self._answer(connection))
        about = {"roomType": offer["roomType"], "sid": offer["sid"]}
        sdp = _description(connection)
        self.socket.tell(other.id, "answer", payload={"type": "answer", "sdp": sdp}, **about)
        self._take_candidates(connection, other.id, offer["sid"])
        assert tracks
        for track in tracks:
            self._loop.run(_receive_frames(track))
        return offer

    async def _answer(self, connection: RTCPeerConnection) -> None:
        await connection.setLocalDescription(await connection.createAnswer())

    # --- both ---------------------------------------------------------------------------------
    def _open(self) -> RTCPeerConnection:
        self._loop.run(self._create())
        return self._connections[-1]

    async def _create(self) -> None:
        self._connections.append(RTCPeerConnection(RTCConfiguration(iceServers=[])))

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


async def _receive_frames(track: MediaStreamTrack) -> None:
    async with asyncio.timeout(SECONDS):
        for _ in range(FRAMES):
            await track.recv()
