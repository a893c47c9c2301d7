"""The external signaling servers in the setting `signaling_servers`."""

from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from talkd.core.characters import is_text
from talkd.core.json import UNREADABLE

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""The schemes of addresses, each with that of requests to the same server."""


class SignalingServer(msgspec.Struct, frozen=True):
    """A server. `verify`: whether its certificate must be valid."""

    server: Annotated[str, Meta(examples=["https://signaling.example.org"])]
    verify: bool = True

    @property
    def url(self) -> str:
        """The address for requests, without a slash at the end."""
        scheme, _, rest = self.server.partition("://")
        return f"{_SCHEMES[scheme.lower()]}://{rest.rstrip('/')}"

    @property
    def is_possible(self) -> bool:
        """Whether the address is the URL of a server, without a query or credentials."""
        if not (is_text(self.server) and self.server.isascii() and self.server.isprintable()):
            return False
        try:
            parts = urlsplit(self.server)
            has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            return False
        return parts.scheme in _SCHEMES and has_host and not set(self.server) & set("?#@ ")


class SignalingServers(msgspec.Struct, frozen=True):
    """All servers, and the secret that they share with talkd."""

    servers: list[SignalingServer] = []
    secret: str = ""

    def find(self, address: str) -> SignalingServer | None:
        """Return the server with this address, or None."""
        return next((each for each in self.servers if each.server == address), None)


NO_SERVERS = SignalingServers()


@lru_cache(maxsize=4)
def parse_signaling_servers(text: str) -> SignalingServers | None:
    """Return the servers of the setting; None if an address is not possible, or if the servers have no secret."""
    if text in ("", "[]"):
        return NO_SERVERS
    try:
        found = msgspec.json.decode(text, type=SignalingServers)
    except UNREADABLE:
        return None
    if found.servers and not (found.secret and is_text(found.secret)):
        return None
    return found if all(each.is_possible for each in found.servers) else None
