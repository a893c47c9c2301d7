"""Frames of the WebSocket protocol, right and wrong, which no client library sends."""

import contextlib

from support.sockets import Socket

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(content: bytes, *, first: int, size: int | None = None, is_masked: bool = True) -> bytes:
    """Return a frame whose first byte and size may be wrong. Its mask consists of zeros."""
    size = len(content) if size is None else size
    length = bytes((size,)) if size < 126 else b"\x7f" + size.to_bytes(8, "big")
    mask = 0x80 if is_masked else 0
    return bytes((first, length[0] | mask)) + length[1:] + (bytes(4) if is_masked else b"") + content


def send(socket: Socket, data: bytes) -> None:
    """Send bytes as they are. The server may have closed the connection."""
    with socket.connection.protocol_mutex, contextlib.suppress(OSError):
        socket.connection.socket.sendall(data)
