"""What clients write about media, and what they get."""

from typing import Annotated, Any, Literal

import msgspec

from talkd.core.json import UNREADABLE
from talkd.signaling import messages
from talkd.signaling.messages import Refused
from talkd.signaling.peer import Peer
from talkd.signaling.sfu.janus import Jsep

RoomType = Literal["audio", "video", "screen"]
"""The kind of a stream. A client can send one of each at a time."""
AUDIO_CODECS = frozenset({"opus", "g722", "pcmu", "pcma", "isac32", "isac16"})
VIDEO_CODECS = frozenset({"vp8", "vp9", "h264", "av1", "h265"})


Text = Annotated[str, messages.WITHOUT_NUL]
"""Text for Janus, which leaves a message with NUL without an answer, and one with a large number, too."""
Layer = Annotated[int, msgspec.Meta(ge=0, le=7)]


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """An ICE candidate."""

    candidate: Text
    sdpMid: Text | None = None
    sdpMLineIndex: Annotated[int, msgspec.Meta(ge=0, le=65_535)] | None = None


class Payload(msgspec.Struct, frozen=True):
    """A description, a candidate, or what a subscriber chooses of a stream."""

    type: str = ""
    sdp: Text = ""
    candidate: dict[str, Any] | None = None
    substream: Layer | None = None
    temporal: Layer | None = None
    audio: bool | None = None
    video: bool | None = None


class Media(msgspec.Struct, frozen=True, rename="camel"):
    """A message about a stream. `sid` names one connection for it; a new connection has another one."""

    type: str = ""
    room_type: RoomType = "video"
    sid: str = ""
    payload: Payload = Payload()
    bitrate: int = 0
    audiocodec: str = ""
    videocodec: str = ""
    vp9profile: str = ""
    h264profile: str = ""


_read = msgspec.json.Decoder(Media).decode


def parse(data: msgspec.Raw) -> Media:
    """Return a message about a stream. Raises Refused if it has not the form of one."""
    try:
        return _read(data)
    except UNREADABLE as error:
        raise Refused("invalid_format", "The message about the stream has the wrong form.") from error


def require_description(media: Media) -> Jsep:
    """Return the session description of an offer or answer. Raises Refused if it has none."""
    sdp = media.payload.sdp
    if not sdp:
        raise Refused("no_sdp", "The message has no session description.")
    if not sdp.startswith("v=0") or "\nm=" not in sdp:
        raise Refused("invalid_sdp", "The session description has the wrong form.")
    return Jsep(media.type, sdp)


def require_candidate(media: Media) -> dict[str, Any]:
    """Return the ICE candidate of a message. Raises Refused if it has none."""
    candidate = media.payload.candidate
    if candidate is None:
        raise Refused("no_candidate", "The message has no candidate.")
    try:
        known: dict[str, Any] = msgspec.to_builtins(msgspec.convert(candidate, Candidate))
    except msgspec.ValidationError as error:
        raise Refused("invalid_candidate", "The candidate has the wrong form.") from error
    return known


def send(peer: Peer, sender: str, kind: str, room_type: str, sid: str, payload: Any) -> None:
    """Send a peer a message about a stream of the peer with the id `sender`."""
    data = {"type": kind, "from": sender, "to": peer.id, "roomType": room_type, "sid": sid, "payload": payload}
    peer.send(messages.reply("message", {"sender": {"type": "session", "sessionid": sender}, "data": data}))
