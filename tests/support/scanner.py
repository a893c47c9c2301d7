"""A stand-in for the ClamAV daemon. It speaks the command INSTREAM, and finds the word EICAR."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = b"zINSTREAM\0"
VIRUS = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The harmless file that every scanner finds."""


class Daemon:
    """The daemon. `address` is the setting `files.scanner`.

    `received` are the contents that it was sent. `answer` is what it says in place of its own answer; without a text it
    closes the connection when the first part has arrived.
    """

    def __init__(self, socket_path: Path | None) -> None:
        daemon = self
        self.received: list[bytes] = []
        self.answer: bytes | None = b""

        class Conversation(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                daemon.scan(self.rfile, self.wfile)

        self.server: Any
        if socket_path is not None:
            self.server = socketserver.ThreadingUnixStreamServer(str(socket_path), Conversation)
            self.address = str(socket_path)
        else:
            self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)
            self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.server.daemon_threads = True

    def scan(self, reader: Any, writer: Any) -> None:
        """Answer one connection."""
        assert reader.read(len(COMMAND)) == COMMAND
        whole = b""
        while size := int.from_bytes(reader.read(4), "big"):
            whole += reader.read(size)
            if self.answer is None:
                return
        self.received.append(whole)
        found = b"stream: Eicar-Signature FOUND\0" if b"EICAR" in whole else b"stream: OK\0"
        with contextlib.suppress(BrokenPipeError):
            writer.write(self.answer or found)


@contextlib.contextmanager
def running_scanner(socket_path: Path | None = None) -> Iterator[Daemon]:
    """Run the daemon on a port of the loopback interface or on a Unix socket, and stop it afterwards."""
    daemon = Daemon(socket_path)
    with daemon.server:
        threading.Thread(target=daemon.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield daemon
        daemon.server.shutdown()
