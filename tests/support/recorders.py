"""A recording server that records nothing: it proves who it is, and checks who asks it."""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from support.running import Server

SECRET = "a secret of the recording server"
BACKEND = "/ocs/v2.php/apps/spreed/api/v1/recording/"


class RecordingServer(ThreadingHTTPServer):
    """Keeps what it was asked for, and reports and uploads to talkd when the test says so."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.recordings: dict[str, dict[str, Any]] = {}
        """What each recording that runs was asked for, by token."""
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        """Token, message and address of the sender of each message with the right checksum."""
        self.is_broken = False
        self.sent: Callable[[], httpx.Response]
        """Sends the last request to talkd again."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def setting(self) -> str:
        """The value of the setting `recording_servers`."""
        return json.dumps({"servers": [{"server": self.url + "/", "verify": True}], "secret": SECRET})

    # --- to talkd ---------------------------------------------------------------------------
    def report(self, server: Server, message: dict[str, Any], *, secret: str = SECRET) -> httpx.Response:
        """Send a signed message."""
        body = json.dumps(message).encode()
        headers = {**signed(body, secret=secret), "Content-Type": "application/json"}
        return self._send(server, "backend", body, headers)

    def _send(self, server: Server, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        self.sent = lambda: server.client().post(BACKEND + path, content=body, headers=headers)
        return self.sent()

    def repeat(self) -> httpx.Response:
        """Send the last request again, with the same signature."""
        return self.sent()

    def upload(
        self, server: Server, token: str, name: str, content: bytes, *, owner: str, secret: str = SECRET
    ) -> httpx.Response:
        """Upload a recording. As from the real recording server, the file has no content type."""
        headers = {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            **signed(token.encode(), secret=secret),
        }
        return self._send(server, f"{token}/store", _form(owner, name, content), headers)


BOUNDARY = "end-of-a-part"


def _form(owner: str, name: str, content: bytes) -> bytes:
    quoted = name.replace("\\", "\\\\")
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="owner"\r\n\r\n{owner}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n\r\n'
    )
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class _Request(BaseHTTPRequestHandler):
    server: RecordingServer

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/api/v1/welcome" else 404, {"version": "0.2.1"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.path.removeprefix("/api/v1/room/")
        expected = checksum(body, self.headers["Talk-Recording-Random"], SECRET)
        if self.headers["Talk-Recording-Checksum"] != expected:
            self._answer(403)
            return
        message = json.loads(body)
        self.server.asked.append((token, message, self.headers["Talk-Recording-Backend"]))
        if self.server.is_broken:
            self._answer(500)
        elif message["type"] == "start":
            self.server.recordings[token] = message["start"]
            self._answer(200)
        else:
            self._answer(200 if self.server.recordings.pop(token, None) is not None else 404)

    def _answer(self, status: int, content: Any = None) -> None:
        body = json.dumps(content or {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def running_recording_server() -> Iterator[RecordingServer]:
    """Run the server, and stop it afterwards."""
    with RecordingServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


def checksum(body: bytes, random: str, secret: str) -> str:
    return hmac.new(secret.encode(), random.encode() + body, hashlib.sha256).hexdigest()


def signed(body: bytes, *, secret: str = SECRET, sender: str = "Talk-Recording") -> dict[str, str]:
    """Return the headers that prove that the sender knows the secret."""
    random = secrets.token_hex(32)
    return {f"{sender}-Random": random, f"{sender}-Checksum": checksum(body, random, secret)}
