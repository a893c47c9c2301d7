"""Signaling messages: what they look like, and who may send which (docs/api/compatibility.md, Calls and signaling)."""

import re
from typing import Any

import msgspec

from talkd.conversation.participant import Attendee, Participant, Session
from talkd.conversation.setting_values import TurnServer
from talkd.conversation.signaling_servers import SignalingServer
from talkd.core.constants import Permission
from talkd.core.json import UNREADABLE

MAX_MESSAGES = 200
"""Maximum number of messages in one request. Further ones are dropped."""
MEDIA = ("audio", "video")
"""The kinds of media that need a permission."""
_SECTION = re.compile("^m=", re.MULTILINE)
SENDING = ("a=sendrecv", "a=sendonly")
RECEIVING = frozenset({"a=recvonly", "a=inactive"})


class Envelope(msgspec.Struct, frozen=True):
    """A message as clients send it. `fn` is a JSON text, `sessionId` the sender's session."""

    ev: str = ""
    fn: str = ""
    sessionId: str = ""


class Proof(msgspec.Struct, frozen=True):
    """Proofs of a client's identity for a standalone signaling server: a ticket (the older proof) and a token."""

    ticket: str
    token: str


class Relay(msgspec.Struct, frozen=True):
    """A TURN server, with credentials for one client."""

    server: TurnServer
    user: str
    password: str


class ConnectionSettings(msgspec.Struct, frozen=True):
    """What a client needs to know to reach the other sessions of a call."""

    user_id: str | None
    proof: Proof
    stun_servers: list[str]
    """As `host:port`."""
    relays: list[Relay]
    server: SignalingServer | None
    """The external signaling server, or None for the built-in signaling."""
    has_clusters: bool
    hides_warning: bool
    """Whether clients hide the warning that calls need a signaling server: there is one, or administrators hide it."""


class News(msgspec.Struct, frozen=True):
    """The answer to a poll: messages for the session, and the sessions of the room that the caller may see."""

    messages: list[str]
    present: list[tuple[Session, Attendee]]


def parse(messages: str) -> list[Envelope]:
    """Return the messages of a request. If the text is not a list of messages, return none, as the real server does."""
    try:
        return msgspec.json.decode(messages, type=list[Envelope])[:MAX_MESSAGES]
    except UNREADABLE:
        return []


def parse_content(envelope: Envelope) -> dict[str, Any] | None:
    """Return the content of a message, or None if it is not a JSON object."""
    try:
        content = msgspec.json.decode(envelope.fn)
    except UNREADABLE:
        return None
    return content if isinstance(content, dict) else None


def may_send(me: Participant, content: dict[str, Any]) -> bool:
    """Return True if a participant may send this content.

    Only moderators may send `control`, only participants with permission to publish may send offers and answers with
    media, and participants in the lobby may send nothing.
    """
    if not me.can_pass_lobby:
        return False
    kind = content.get("type")
    if kind == "control":
        return me.is_moderator
    if kind in ("offer", "answer"):
        return me.may(needed_permissions(content))
    return True


def needed_permissions(content: dict[str, Any]) -> Permission:
    """Return the permissions that are needed to publish the media of an offer or answer."""
    payload = content.get("payload")
    sdp = payload.get("sdp") if isinstance(payload, dict) else None
    needed = Permission.DEFAULT
    for kind in _sent_media(sdp):
        if content.get("roomType") == "screen":
            needed |= Permission.PUBLISH_SCREEN
        elif kind == "audio":
            needed |= Permission.PUBLISH_AUDIO
        else:
            needed |= Permission.PUBLISH_VIDEO
    return needed


def _sent_media(sdp: Any) -> set[str]:
    """Return the kinds of media that a session description sends for at least one kind of client.

    Chromium ignores a direction for the whole session and text behind a direction, ends lines only at a line feed, and
    takes a list with one text for that text. So a section receives only if it says nothing else, and says it exactly.
    """
    if not sdp:
        return set()
    if not isinstance(sdp, str) or "\r" in sdp.replace("\r\n", "\n"):
        return set(MEDIA)
    sections = _SECTION.split(sdp)[1:]
    return {kind for kind in MEDIA for each in sections if each.lower().startswith(kind) and _sends(each)}


def _sends(section: str) -> bool:
    """Return True if a section does not say that it only receives."""
    lines = section.replace("\r\n", "\n").split("\n")
    return not RECEIVING.intersection(lines) or any(line.startswith(SENDING) for line in lines)
