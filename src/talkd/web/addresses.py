"""Network addresses that requests come from."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse(text: str) -> Address | None:
    """The address, IPv4 written as IPv6 being IPv4; None for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def is_inside(text: str, networks: Iterable[Network]) -> bool:
    """Whether it is an address in one of the networks."""
    address = parse(text)
    return address is not None and any(address in network for network in networks)
