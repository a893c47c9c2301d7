"""The address of the client, and the address that the client uses for this server, behind reverse proxies too."""

import re
from functools import lru_cache

from talkd.config import HOST
from talkd.config_groups import ServerConfig
from talkd.core.errors import Invalid
from talkd.core.networks import Address, is_inside, parse_address, require_network
from talkd.web.request import Request

_PREFIX = re.compile(r"(/[A-Za-z0-9._~\-]+)*/?")


class Proxies:
    """The trusted proxies, whose headers are used."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._trusted = [require_network(entry) for entry in config.trusted_proxies]
        self._route = lru_cache(maxsize=1000)(self._find_route)

    def client_of(self, request: Request) -> str:
        """Return the address of the client: the nearest one that is not a trusted proxy, in normal form."""
        return self._route_of(request)[0]

    def find_client(self, address: str, forwarded: str | None) -> str:
        """Return the address of the client of a connection from `address` with this header X-Forwarded-For."""
        return self._route(address, forwarded)[0]

    def base_url(self, request: Request) -> str:
        """Return the address that the client uses: from the configuration, the proxy's headers, or the request.

        Raises Invalid("host") if it is not a valid address.
        """
        configured = self._config.public_url
        if configured:
            return configured.rstrip("/")
        scheme, host, prefix = request.scheme, request.get_header("host") or "", ""
        hops = self._route_of(request)[1]
        if hops:
            scheme = _forwarded(request, "x-forwarded-proto", hops).lower() or scheme
            host = _forwarded(request, "x-forwarded-host", hops) or host
            prefix = _forwarded(request, "x-forwarded-prefix", hops)
            host = _with_port(host, _forwarded(request, "x-forwarded-port", hops))
        return _url(scheme, host, prefix)

    def _route_of(self, request: Request) -> tuple[str, int]:
        """As `_find_route`, for the connection and header of a request."""
        return self._route(request.client, request.get_header("x-forwarded-for") if self._trusted else None)

    def _find_route(self, address: str, header: str | None) -> tuple[str, int]:
        """Return the client's address, and the number of trusted proxies that the request passed.

        `address` is the other end of the connection, and `header` is X-Forwarded-For. Each proxy appends the address
        that it saw, so the list is read from its end up to the first address that is not a trusted proxy, or to an
        entry that is not an address. The client may have invented everything before that.
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


def _forwarded(request: Request, header: str, hops: int) -> str:
    """Return the entry of the outermost trusted proxy in a header, or an empty text.

    Each proxy appends an entry, so it is the `hops`-th from the end. If a proxy has overwritten the list, it may be
    shorter, and the first entry is used.
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
    """Return the host with the port of X-Forwarded-Port.

    Ports 80 and 443 are ignored, because in a chain of proxies they may be the port of an inner proxy.
    """
    has_port = host.rpartition(":")[2].isdigit() and not host.endswith("]")
    return host if has_port or port in ("", "80", "443") else f"{host}:{port}"
