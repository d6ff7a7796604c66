"""The address of the client behind trusted proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 32  # a longer chain of proxies is not plausible


def parsed_address(text: str | None) -> Address | None:
    """The address in text as proxies write it; None when it is not an address.

    Accepts a port, brackets, a zone, and IPv4 mapped into IPv6.
    """
    if text is None:
        return None
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])  # a zone means nothing on another machine
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def client_address(
    peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]
) -> Address | None:
    """The first address of X-Forwarded-For, from the right, that is not a trusted proxy.

    The peer itself when it is not trusted. A trusted proxy has seen the returned address; the
    client can forge any address further left.
    """
    address = parsed_address(peer)
    rest = forwarded_for or ""
    for _ in range(MAX_HOPS):
        if address is None or not rest or not _is_trusted(address, trusted):
            return address
        rest, _, last = rest.rpartition(",")
        hop = parsed_address(last)
        if hop is None:
            return address
        address = hop
    return address
