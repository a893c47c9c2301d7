"""Requests as raw bytes, for requests that no client library sends."""

import base64
import contextlib
import re
import socket
from collections.abc import Iterator

from support.people import Person
from support.running import PASSWORD, Server

PATIENCE = 20.0
"""Maximum number of seconds until an answer. The machine may be busy."""


def head(method: str, path: str, *headers: str, user: Person | None = None) -> bytes:
    """Return a request up to its body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "OCS-APIRequest: true", "Accept: application/json"]
    if user is not None:
        lines.append("Authorization: Basic " + base64.b64encode(f"{user.id}:{PASSWORD}".encode()).decode())
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")


@contextlib.contextmanager
def connection(server: Server) -> Iterator[socket.socket]:
    """Open a connection to the server."""
    with socket.create_connection(("127.0.0.1", server.config.server.port), timeout=PATIENCE) as made:
        yield made


def read_all(made: socket.socket) -> bytes:
    """Return everything until the server closes the connection."""
    chunks = []
    with contextlib.suppress(ConnectionResetError):
        while chunk := made.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def exchange(server: Server, request: bytes, *, half_closed: bool = True) -> bytes:
    """Send the bytes, and return the answer of the server until it closes the connection.

    Without `half_closed` the client keeps its side open, so that only the server can end the connection.
    """
    with connection(server) as made:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server refused it before the end
            made.sendall(request)
            if half_closed:
                made.shutdown(socket.SHUT_WR)
        return read_all(made)


def has_failed(answer: bytes) -> bool:
    """Return True for an internal server error. Version 1 of the envelope shows it only in the body."""
    says_so = b'"statuscode":996' in answer or b"<statuscode>996<" in answer
    return says_so or any(status >= 500 for status in statuses(answer))


def statuses(answer: bytes) -> list[int]:
    """Return the statuses of all answers in the bytes."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
