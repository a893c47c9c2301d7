"""IP addresses and networks. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`) counts as IPv4 everywhere."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED_BITS = 96
"""Length of the prefix before an IPv4 address that is written as IPv6."""


def parse_address(text: str) -> Address | None:
    """Return the address without its zone, or None if the text is not an address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def parse_network(text: str) -> Network | None:
    """Return the network of an address or of an address with a prefix length, or None for any other text."""
    try:
        return _as_ipv4(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        return None


def require_network(text: str) -> Network:
    """Return the network. Raises ValueError for any other text, and for an address inside, such as 10.0.0.1/8."""
    return _as_ipv4(ipaddress.ip_network(text))


def _as_ipv4(network: Network) -> Network:
    """Return the IPv4 network if it is one that is written as IPv6, else the network itself."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        return ipaddress.ip_network((mapped, network.prefixlen - _MAPPED_BITS), strict=False)
    return network


def is_inside(text: str, networks: Iterable[Network]) -> bool:
    """Return True if the text is an address in one of the networks."""
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=10_000)
def subnet_of(address: str) -> str:
    """Return the network by which limits count an address: the address itself, or the /64 of an IPv6 address.

    A text that is not an address counts as itself.
    """
    parsed = parse_address(address)
    if parsed is None:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
