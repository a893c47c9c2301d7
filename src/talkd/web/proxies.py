"""Where a request comes from and what its client calls this server, also with reverse proxies in between."""

import ipaddress
import re

import falcon.asgi

from talkd.config import ServerConfig
from talkd.core.errors import Invalid
from talkd.web.addresses import is_inside

_HOST = re.compile(r"[A-Za-z0-9.\-_]{1,255}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~\-]+)*/?")


class Proxies:
    """The proxies whose headers are believed."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._trusted = [ipaddress.ip_network(entry) for entry in config.trusted_proxies]

    def client_of(self, request: falcon.asgi.Request) -> str:
        """The address of the client: the nearest that is no proxy of ours."""
        address: str = request.remote_addr
        if self._trusted and is_inside(address, self._trusted):
            forwarded = request.get_header("x-forwarded-for") or ""
            for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
                address = hop
                if not is_inside(hop, self._trusted):
                    break
        return address

    def base_url(self, request: falcon.asgi.Request) -> str:
        """How the client reaches the server: the configured address, the proxy's word, or the request's own.

        Raises Invalid("host") for what is no address.
        """
        configured = self._config.public_url
        if configured:
            return configured.rstrip("/")
        scheme, host, prefix = request.scheme, request.get_header("host") or "", ""
        if self._trusted and is_inside(request.remote_addr, self._trusted):
            scheme = _last(request, "x-forwarded-proto") or scheme
            host = _last(request, "x-forwarded-host") or host
            prefix = _last(request, "x-forwarded-prefix")
        if scheme not in ("http", "https") or not _HOST.fullmatch(host) or not _PREFIX.fullmatch(prefix):
            raise Invalid("host", message="The address in the request's headers is none.")
        return f"{scheme}://{host}{prefix}".rstrip("/")


def _last(request: falcon.asgi.Request, header: str) -> str:
    """What the nearest proxy says: proxies append to what the client may have made up."""
    return (request.get_header(header) or "").rpartition(",")[2].strip()
