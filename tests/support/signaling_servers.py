"""External signaling servers as talkd sees them: their signed requests, and a small stand-in."""

import hashlib
import hmac
from typing import Any

import httpx
import msgspec

from support.running import Server

SECRET = "shared-with-signaling-servers"
RANDOM = "r" * 64
SERVERS = ("https://signaling.test", "wss://other.test")


def use_servers(server: Server, *addresses: str, mode: str = "external") -> None:
    """Let clients use external signaling servers, or the built-in signaling if there are none."""
    value = {"servers": [{"server": each, "verify": True} for each in addresses], "secret": SECRET}
    for key, text in (("signaling_servers", msgspec.json.encode(value).decode()), ("signaling_mode", mode)):
        path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
        server.admin_request("POST", path, value=text)


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
