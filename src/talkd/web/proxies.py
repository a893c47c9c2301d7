"""Where a request comes from and what its client calls this server, also with reverse proxies in between."""

import ipaddress
import re
from functools import lru_cache

import falcon.asgi

from talkd.config import HOST, ServerConfig
from talkd.core.errors import Invalid
from talkd.core.networks import Address, is_inside, parse_address

_PREFIX = re.compile(r"(/[A-Za-z0-9._~\-]+)*/?")


class Proxies:
    """The proxies whose headers are believed."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._trusted = [ipaddress.ip_network(entry) for entry in config.trusted_proxies]
        self._way = lru_cache(maxsize=1000)(self._find_way)

    def client_of(self, request: falcon.asgi.Request) -> str:
        """Return the address of the client: the nearest one that is not a trusted proxy, as `ipaddress` writes it."""
        return self._way(request.remote_addr, request.get_header("x-forwarded-for"))[0]

    def base_url(self, request: falcon.asgi.Request) -> str:
        """Return how the client reaches the server: the configured address, the proxy's word, or the request's own.

        Raises Invalid("host") if that is not an address.
        """
        configured = self._config.public_url
        if configured:
            return configured.rstrip("/")
        scheme, host, prefix = request.scheme, request.get_header("host") or "", ""
        hops = self._way(request.remote_addr, request.get_header("x-forwarded-for"))[1]
        if hops:
            scheme = _said(request, "x-forwarded-proto", hops).lower() or scheme
            host = _said(request, "x-forwarded-host", hops) or host
            prefix = _said(request, "x-forwarded-prefix", hops)
            host = _with_port(host, _said(request, "x-forwarded-port", hops))
        return _url(scheme, host, prefix)

    def _find_way(self, address: str, header: str | None) -> tuple[str, int]:
        """Return the client's address, and through how many trusted proxies the request came.

        `address` is that of the connection, `header` the addresses that proxies have noted.

        A proxy appends the address that it saw. What stands before the first address that no trusted proxy has is
        the client's own claim, and so is everything before something that is not an address.
        """
        forwarded = _entries(header)
        hops = 0
        while is_inside(address, self._trusted):
            hops += 1
            next_hop = _parse_hop(forwarded.pop()) if forwarded else None
            if next_hop is None:
                break
            address = str(next_hop)
        parsed = parse_address(address)
        return (address if parsed is None else str(parsed)), hops


@lru_cache(maxsize=1000)
def _url(scheme: str, host: str, prefix: str) -> str:
    if scheme not in ("http", "https") or not HOST.fullmatch(host) or not _PREFIX.fullmatch(prefix):
        raise Invalid("host", message="The address in the request's headers is not valid.")
    return f"{scheme}://{host}{prefix}".rstrip("/")


def _said(request: falcon.asgi.Request, header: str, hops: int) -> str:
    """Return what the outermost trusted proxy says, or empty if none says anything.

    Proxies that append leave one entry each, so that entry is the `hops`-th from the end. Of a shorter list, which
    a proxy has overwritten, it is the first.
    """
    entries = _entries(request.get_header(header))
    return entries[-min(hops, len(entries))] if entries else ""


def _parse_hop(entry: str) -> Address | None:
    """Return the address in an entry of X-Forwarded-For, or None if it has none.

    Some proxies write the port after the address: `192.0.2.1:4711` or `[2001:db8::1]:4711`.
    """
    bracketed, bracket, _ = entry.removeprefix("[").partition("]")
    host, _, port = entry.partition(":")
    if bracket:
        entry = bracketed
    elif port.isdigit():
        entry = host
    return parse_address(entry)


def _entries(header: str | None) -> list[str]:
    return [entry.strip().strip('"') for entry in (header or "").split(",") if entry.strip()]


def _with_port(host: str, port: str) -> str:
    """Return the host with the port that a proxy names apart from it.

    The ports of HTTP and HTTPS say nothing: chains of proxies name that of an inner hop.
    """
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    return host if has_port or port in ("", "80", "443") else f"{host}:{port}"
