"""Who a request really comes from, when proxies stand in between."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 32  # more proxies in a row than this is a forgery


def parsed_address(text: str | None) -> Address | None:
    """An address as proxies write it: with a port, in brackets, IPv4 inside IPv6; else None."""
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
    """Walk X-Forwarded-For from the right, as long as each hop is a proxy we trust.

    The result was always seen by a trusted machine (or is the peer itself): what stands further
    left may be invented by the client.
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
