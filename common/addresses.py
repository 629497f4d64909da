"""How far an address says who somebody is."""

import ipaddress

_V6_PREFIX = 64


def subscriber_of(ip: str) -> str:
    """One customer of a provider: an IPv4 address itself, of IPv6 its /64, in which a machine chooses freely."""
    return _within(ip, v4_prefix=32)


def network_of(ip: str) -> str:
    """The /24 or /64 of an address: what one customer of a provider can move about in."""
    return _within(ip, v4_prefix=24)


def _within(ip: str, *, v4_prefix: int) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, v4_prefix if address.version == 4 else _V6_PREFIX), strict=False))
