"""External signaling servers as talkd sees them: their signed requests, and a small stand-in."""

import contextlib
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import msgspec

from support.running import Server
from talkd.signaling.external import portions

SECRET = "shared-with-signaling-servers"
RANDOM = "r" * 64
SERVERS = ("https://signaling.test", "wss://other.test")


def use_servers(server: Server, *addresses: str, mode: str = "external") -> None:
    """Let clients use external signaling servers, or the built-in signaling if there are none."""
    base = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed"
    if not addresses:
        for key in ("signaling_servers", "signaling_mode"):
            server.admin_request("DELETE", f"{base}/{key}")
        return
    value = {"servers": [{"server": each, "verify": True} for each in addresses], "secret": SECRET}
    for key, text in (("signaling_servers", msgspec.json.encode(value).decode()), ("signaling_mode", mode)):
        server.admin_request("POST", f"{base}/{key}", value=text)


def checksum_of(body: bytes, secret: str = SECRET) -> str:
    """Return the checksum of a body that is sent with RANDOM."""
    return hmac.new(secret.encode(), RANDOM.encode() + body, hashlib.sha256).hexdigest()


def call_back(server: Server, content: Any, *, version: str = "v3", secret: str = SECRET) -> httpx.Response:
    """Send a signed request of a signaling server."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    headers = {
        "Content-Type": "application/json",
        "Spreed-Signaling-Random": RANDOM,
        "Spreed-Signaling-Checksum": checksum_of(body, secret),
    }
    path = f"/ocs/v2.php/apps/spreed/api/{version}/signaling/backend"
    return server.client().post(path, content=body, headers=headers)


def ask(server: Server, kind: str, **content: Any) -> Any:
    """Send a signed request of this type, and return the answer."""
    answer = call_back(server, {"type": kind, kind: content})
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]


class StandIn:
    """An HTTP server that keeps the notifications it gets. Its next `failures` answers have the status 500."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        """Paths and contents, in the order of their arrival."""
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}
        """By type: status and content of the answer. Those of other types have no body."""
        self.welcome = b'{"nextcloud-spreed-signaling": "Welcome", "version": "2.0.0"}'
        self.backends: set[str] = set()
        self.requests = 0
        self.largest = portions.MAX_BYTES
        """Maximum size of a notification."""
        self.failures = 0
        self.waiting = 0
        """Requests that wait for the end of `busy`."""
        self._is_free = threading.Event()
        self._is_free.set()
        self._arrived = threading.Condition()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                random, checksum = self.headers["Spreed-Signaling-Random"], self.headers["Spreed-Signaling-Checksum"]
                expected = hmac.new(SECRET.encode(), random.encode() + body, hashlib.sha256).hexdigest()
                stand_in.waiting += 1
                stand_in._is_free.wait(20)
                stand_in.waiting -= 1
                status, content = stand_in.take(self.path, body, is_signed=checksum == expected)
                self.send_response(status)
                stand_in.backends.add(self.headers["Spreed-Signaling-Backend"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                content = stand_in.welcome if self.path == "/api/v1/welcome" else b""
                self.send_response(200 if content else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Let all requests wait."""
        self._is_free.clear()
        yield
        self._is_free.set()

    def take(self, path: str, body: bytes, *, is_signed: bool) -> tuple[int, bytes]:
        """Keep a notification, and return the status and the body of the answer."""
        with self._arrived:
            self.requests += 1
            if not is_signed:
                return 403, b""
            if len(body) > self.largest:
                return 413, b""
            if self.failures:
                self.failures -= 1
                return 500, b""
            content = msgspec.json.decode(body)
            self.received.append((path, content))
            self._arrived.notify_all()
            kind = content["type"]
            if kind not in self.answers:
                return 200, b""
            status, answer = self.answers[kind]
            return status, msgspec.json.encode({"type": kind, kind: answer})

    def expect(self, token: str, kind: str, condition: Callable[[dict[str, Any]], bool] = lambda _: True) -> Any:
        """Return the content of the next notification of this type about a room that fulfils the condition."""

        def find() -> Any:
            for place, (path, content) in enumerate(self.received):
                if path == f"/api/v1/room/{token}" and content["type"] == kind and condition(content[kind]):
                    del self.received[: place + 1]
                    return content[kind]
            return None

        with self._arrived:
            found = self._arrived.wait_for(find, 10)
        assert found is not None, f"no notification {kind} came; these did: {self.received}"
        return found

    def close(self) -> None:
        """Stop the server."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
