"""Network addresses that requests come from."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse(text: str) -> Address | None:
    """Return the address without its zone, IPv4 written as IPv6 being IPv4; None if it is not an address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def parse_hop(text: str) -> Address | None:
    """Return the address in an entry of X-Forwarded-For, which some proxies write with a port: `[2001:db8::1]:4711`.

    None if it is not an address.
    """
    bracketed, bracket, _ = text.removeprefix("[").partition("]")
    host, _, port = text.partition(":")
    if bracket:
        text = bracketed
    elif port.isdigit():
        text = host
    return parse(text)


def is_inside(text: str, networks: Iterable[Network]) -> bool:
    """Whether it is an address in one of the networks."""
    address = parse(text)
    return address is not None and any(address in network for network in networks)
