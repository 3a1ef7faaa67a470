"""
The address of a client, when there are proxies between. Pure: no I/O.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# What a provider gives to one customer: a limit by single address would limit nobody.
IPV6_PREFIX = 64


def client_address(peer: str | None, forwarded: Iterable[str], trusted_proxies: int) -> str | None:
    """
    Args:
        peer: the address at the other end of the connection; None on a Unix socket.
        forwarded: the values of X-Forwarded-For, in order.
        trusted_proxies: how many proxies of ours stand before us. Each appends the address it saw; what
            stands further left was sent by the client.
    Returns: the address as limits count it (of IPv6 its /64); None for this machine itself, and for what
        is not an address.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")] if trusted_proxies else []
    chosen = hops[-min(trusted_proxies, len(hops))] if hops else peer
    address = _parse(chosen or "")
    if address is None or address.is_loopback:
        return None
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), IPV6_PREFIX), strict=False))
    return str(address)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """With or without a port, as some proxies write it."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
