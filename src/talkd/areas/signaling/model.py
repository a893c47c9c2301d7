"""Messages between the sessions of a call, and who may send what (signaling.md, 2)."""

import re
from typing import Any

import msgspec

from talkd.conversation.participant import Participant
from talkd.conversation.setting_values import TurnServer
from talkd.core.constants import Permission

MAX_MESSAGES = 200
"""Messages in one request at most."""
LINE_END = re.compile("\r\n|\n|\r")
"""What ends a line of a session description. Not all that Python takes for a line end: a player does not either."""


class Envelope(msgspec.Struct, frozen=True):
    """A message as clients hand it in; `fn` is a JSON text, `sessionId` the sender's own session."""

    ev: str = ""
    fn: str = ""
    sessionId: str = ""


class Proof(msgspec.Struct, frozen=True):
    """What a client proves itself with to a standalone signaling server: the older ticket, and the token."""

    ticket: str
    token: str


class Relay(msgspec.Struct, frozen=True):
    """A TURN server, with the credentials of one client for it."""

    server: TurnServer
    user: str
    password: str


def parse(messages: str) -> list[Envelope]:
    """The messages of a request; nonsense is an empty list, as on the real server."""
    try:
        return msgspec.json.decode(messages, type=list[Envelope])[:MAX_MESSAGES]
    except (msgspec.DecodeError, RecursionError):
        return []


def parse_content(envelope: Envelope) -> dict[str, Any] | None:
    """What the message says; None when that is no JSON object."""
    try:
        content = msgspec.json.decode(envelope.fn)
    except (msgspec.DecodeError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def may_send(me: Participant, content: dict[str, Any]) -> bool:
    """Whether a participant may send this: control only by moderators, media only with the right to publish.

    Nothing from the lobby.
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
    """What it takes to publish the media of an offer or answer."""
    payload = content.get("payload")
    sdp = payload.get("sdp") if isinstance(payload, dict) else None
    if not isinstance(sdp, str):
        return Permission.DEFAULT
    needed = Permission.DEFAULT
    for kind in _sent_media(sdp):
        if content.get("roomType") == "screen":
            needed |= Permission.PUBLISH_SCREEN
        elif kind == "audio":
            needed |= Permission.PUBLISH_AUDIO
        elif kind == "video":
            needed |= Permission.PUBLISH_VIDEO
    return needed


def _sent_media(sdp: str) -> set[str]:
    """Kinds of media that a session description sends. Without a direction of its own a medium goes both ways."""
    sent: set[str] = set()
    session_direction = "sendrecv"
    kind = ""
    direction = ""
    for line in [*LINE_END.split(sdp), "m="]:
        if line.startswith("m="):
            if kind in ("audio", "video") and (direction or session_direction) in ("sendrecv", "sendonly"):
                sent.add(kind)
            kind, direction = line[2:].partition(" ")[0], ""
        elif line in ("a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"):
            if kind:
                direction = line[2:]
            else:
                session_direction = line[2:]
    return sent
