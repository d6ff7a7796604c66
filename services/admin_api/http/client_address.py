"""Finds the address of a client that connects through trusted proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 32  # only this many addresses of X-Forwarded-For are read; real clients use fewer


def parsed_address(text: str | None) -> Address | None:
    """Return the IP address in a text, or None if the text is not an IP address.

    The text may also contain a port, brackets or a zone. An IPv6 address that stands for an IPv4
    address (`::ffff:192.0.2.1`) becomes that IPv4 address.
    """
    if text is None:
        return None
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        # The zone (such as `%eth0`) is removed: it has no meaning on another machine.
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def client_address(
    peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]
) -> Address | None:
    """Return the last address in X-Forwarded-For that does not belong to a trusted proxy.

    The search begins with the peer, then reads the header from its end.

    - If the peer is no trusted proxy: return the peer's address.
    - If all addresses belong to trusted proxies: return the first address of the header.
    - If an entry is no address, or after MAX_HOPS addresses: return the last address that was read.

    The client can forge each address to the left of the returned address. The returned address is
    reliable, because a trusted proxy or this server accepted a connection from it.
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
