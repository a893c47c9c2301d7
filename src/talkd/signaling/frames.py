"""Frames of the WebSocket protocol (RFC 6455), without extensions."""

from enum import IntEnum

from websockets.exceptions import ProtocolError
from websockets.frames import Close, CloseCode, apply_mask  # type: ignore[attr-defined]

MAX_BYTES = 64 * 1024
"""Maximum size of a message from a client."""
FINAL, MASKED, OPCODE, RESERVED = 0x80, 0x80, 0x0F, 0x70


class Opcode(IntEnum):
    """The kinds of frames."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Broken(Exception):
    """The client breaks the protocol, and its connection must be closed with `code`."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def frame_of(message: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Return a frame of the server. It has no mask, so that a message to many clients is framed once."""
    size = len(message)
    if size < 126:
        return bytes((FINAL | opcode, size)) + message
    if size < 65536:
        return bytes((FINAL | opcode, 126)) + size.to_bytes(2, "big") + message
    return bytes((FINAL | opcode, 127)) + size.to_bytes(8, "big") + message


class FrameReader:
    """Reads what one client sends, in pieces of any size."""

    __slots__ = ("_begun", "_kind", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        """The beginning of a frame that has not arrived completely."""
        self._begun = bytearray()
        """A message whose last part has not arrived."""
        self._kind: Opcode | None = None
        """What kind of message that is."""

    def read(self, data: bytes) -> list[tuple[Opcode, bytes]]:
        """Return the messages and control frames that are complete now. Texts are valid UTF-8. Raises Broken."""
        if self._rest:
            data = self._rest + data
        found: list[tuple[Opcode, bytes]] = []
        start, end = 0, len(data)
        while end - start >= 2:
            head, size = data[start], data[start + 1]
            begin = start + 2
            if head & RESERVED or not size & MASKED:
                raise Broken(CloseCode.PROTOCOL_ERROR, "Reserved bits, or no mask.")
            size &= 0x7F
            if size >= 126:
                length = 2 if size == 126 else 8
                if end < begin + length:
                    break
                size = int.from_bytes(data[begin : begin + length], "big")
                begin += length
            opcode = self._check(head, size)
            body = begin + 4
            if end < body + size:
                break
            start = body + size
            content = apply_mask(data[body:start], data[begin:body])
            self._take(found, opcode, content, is_final=bool(head & FINAL))
        self._rest = data[start:]
        return found

    def _check(self, head: int, size: int) -> Opcode:
        try:
            opcode = Opcode(head & OPCODE)
        except ValueError:
            raise Broken(CloseCode.PROTOCOL_ERROR, "Unknown kind of frame.") from None
        if opcode >= Opcode.CLOSE:
            if size > 125 or not head & FINAL:
                raise Broken(CloseCode.PROTOCOL_ERROR, "Control frame in parts, or too long.")
        elif (opcode == Opcode.CONTINUATION) == (self._kind is None):
            raise Broken(CloseCode.PROTOCOL_ERROR, "Part of a message out of order.")
        elif len(self._begun) + size > MAX_BYTES:
            raise Broken(CloseCode.MESSAGE_TOO_BIG, "The message is too long.")
        return opcode

    def _take(self, found: list[tuple[Opcode, bytes]], opcode: Opcode, content: bytes, *, is_final: bool) -> None:
        if opcode < Opcode.CLOSE and not (is_final and self._kind is None):
            kind = opcode if self._kind is None else self._kind
            self._begun += content
            self._kind = None if is_final else kind
            if not is_final:
                return
            opcode, content = kind, bytes(self._begun)
            self._begun.clear()
        if opcode == Opcode.TEXT and not content.isascii():
            try:
                content.decode()
            except UnicodeDecodeError:
                raise Broken(CloseCode.INVALID_DATA, "The text is not UTF-8.") from None
        found.append((opcode, content))


def read_close(content: bytes) -> CloseCode | int:
    """Return the code to answer the closing of a client with."""
    try:
        return Close.parse(content).code
    except (ProtocolError, UnicodeDecodeError):
        return CloseCode.PROTOCOL_ERROR
