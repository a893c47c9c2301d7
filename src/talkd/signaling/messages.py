"""The messages of the standalone signaling protocol, version 1."""

from typing import Annotated, Any

import msgspec

from talkd.core.json import UNREADABLE

MAX_TTL = 2**62
"""Maximum lifetime of transient data in nanoseconds: more than a century."""
WITHOUT_NUL = msgspec.Meta(pattern=r"^[^\x00]*$")
"""A text that databases can look up."""
RAW_NULL = msgspec.Raw(b"null")


class Refused(Exception):
    """A message that was refused, with an error code of the protocol. The client stays connected."""

    def __init__(self, code: str, message: str = "", details: Any = None) -> None:
        super().__init__(code)
        self.code, self.message, self.details = code, message, details


class Auth(msgspec.Struct, frozen=True):
    """How a client proves who it is."""

    type: str = "client"
    url: str = ""
    params: msgspec.Raw = RAW_NULL


class Hello(msgspec.Struct, frozen=True):
    """The first message on a socket. `resumeid` continues an earlier session; else `auth` begins a new one."""

    version: str = ""
    features: list[str] = []
    auth: Auth | None = None
    resumeid: str = ""


class RoomRequest(msgspec.Struct, frozen=True):
    """Join the room with the token `roomid`, or leave the current one if it is empty."""

    roomid: Annotated[str, WITHOUT_NUL] = ""
    sessionid: str = ""
    """The session that the client got when it joined the room over HTTP."""


class Recipient(msgspec.Struct, frozen=True):
    """Whom a message is for: one session, all sessions of a user, the room or its call."""

    type: str
    sessionid: str = ""
    userid: str = ""


class Relayed(msgspec.Struct, frozen=True):
    """A message for other clients. `data` is passed on as it is."""

    recipient: Recipient
    data: msgspec.Raw


class Transient(msgspec.Struct, frozen=True):
    """A change of the room's transient data. `ttl` is in nanoseconds; 0 for as long as somebody is in the room."""

    type: str
    key: str = ""
    value: msgspec.Raw = RAW_NULL
    ttl: Annotated[int, msgspec.Meta(ge=0, le=MAX_TTL)] = 0


class Incoming(msgspec.Struct, frozen=True):
    """A message of a client. The field with the name of its type has the content."""

    type: str = ""
    id: str = ""
    hello: Hello | None = None
    room: RoomRequest | None = None
    message: Relayed | None = None
    control: Relayed | None = None
    transient: Transient | None = None
    internal: msgspec.Raw = RAW_NULL


_decode = msgspec.json.Decoder(Incoming).decode
encode = msgspec.json.Encoder().encode


class _Typed(msgspec.Struct, frozen=True):
    type: str = ""


_read_type = msgspec.json.Decoder(_Typed).decode


class _Identified(msgspec.Struct, frozen=True):
    id: Any = ""


def parse(text: bytes) -> Incoming:
    """Return the message of a client. Raises Refused("invalid_format") if it has not the form of one."""
    try:
        return _decode(text)
    except UNREADABLE as error:
        raise Refused("invalid_format", "The message does not have the form of the signaling protocol.") from error


def find_type(data: msgspec.Raw) -> str:
    """Return the type of what a client sends to others, or "" if it has none. Of several types the last counts."""
    try:
        return _read_type(data).type
    except UNREADABLE:  # it is no object, or one of its types is no text
        content = read_content(data)
    kind = content.get("type") if isinstance(content, dict) else ""
    return kind if isinstance(kind, str) else ""


def read_content(data: msgspec.Raw) -> Any:
    """Return what a client sends to others. Raises Refused("invalid_format") if a number in it is too large."""
    try:
        return msgspec.json.decode(data)
    except UNREADABLE as error:
        raise Refused("invalid_format", "The content cannot be read.") from error


def find_id(text: bytes) -> str:
    """Return the id of a message that `parse` refuses, or "", so that the client knows which one was refused."""
    try:
        found = msgspec.json.decode(text, type=_Identified).id
    except UNREADABLE:
        return ""
    return found if isinstance(found, str) else ""


def reply(kind: str, content: Any, request_id: str = "") -> bytes:
    """Return a message to a client. `request_id` is the id of the client's message that it answers, or ""."""
    message: dict[str, Any] = {"id": request_id} if request_id else {}
    message["type"] = kind
    message[kind] = content
    return encode(message)


def refusal(refused: Refused, request_id: str = "") -> bytes:
    """Return the message that tells a client why its message was refused."""
    content: dict[str, Any] = {"code": refused.code, "message": refused.message or refused.code}
    if refused.details is not None:
        content["details"] = refused.details
    return reply("error", content, request_id)


def event(target: str, kind: str, content: Any) -> bytes:
    """Return an event, such as `join` with the target `room`."""
    return encode({"type": "event", "event": {"target": target, "type": kind, kind: content}})
