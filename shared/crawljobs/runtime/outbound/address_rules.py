"""Decide to which IP addresses requests may go. Also check IPv4 addresses inside IPv6 addresses.

The attribute `is_global` of an address is not enough. `is_global` is true for many addresses that
are not public: NAT64 and 6to4 addresses that contain a private IPv4 address, multicast addresses,
site-local addresses, and the address of Azure's metadata server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in text.split())


# No setting allows these addresses: link-local addresses, the metadata servers of clouds, which
# send credentials to any client, and addresses that do not belong to a single host.
_NEVER = _networks("""
    0.0.0.0/32 169.254.0.0/16 224.0.0.0/4 255.255.255.255/32
    100.100.100.200/32 168.63.129.16/32 192.0.0.192/32
    ::/128 fe80::/10 ff00::/8
    fd00:42::42/128 fd00:ec2::/32 fd20:ce::254/128
""")
# Networks that are not public. WEBHOOK_ALLOWED_NETWORKS can allow them.
_NOT_PUBLIC = _networks("""
    0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4
    ::/96 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16
    3fff::/20 5f00::/16 fc00::/7 fec0::/10
""")
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_IPV4_AT_THE_END = (
    ipaddress.IPv6Network("::/96"),
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # translated addresses of RFC 2765
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
)
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_ISATAP = (0x00005EFE, 0x02005EFE)  # the 32 bits before the IPv4 address of an ISATAP address
# No IPv6 address outside this network is public.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")


def unmapped(address: Address) -> Address:
    """Return the IPv4 address of an address in ::ffff:0:0/96, and any other address unchanged."""
    if isinstance(address, ipaddress.IPv6Address) and address in _MAPPED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def refusal(address: Address, allowed: Sequence[Network]) -> str | None:
    """Return the reason why requests may not go to this address, or None if they may.

    `allowed` has the networks that an operator allows. An IPv4 address inside an IPv6 address must
    be allowed too, because a gateway could send the request to the IPv4 address.
    """
    forms = (address, *_embedded(address))
    if any(form in network for form in forms for network in _NEVER):
        return "link-local, metadata, multicast and unspecified addresses are always refused"
    is_allowed = [any(form in network for network in allowed) for form in forms]
    if address in _MAPPED and any(is_allowed):
        return None  # the connection goes to the IPv4 address inside `address`
    if all(is_allowed[index] or _is_public(form) for index, form in enumerate(forms)):
        return None
    return "the address is not public; WEBHOOK_ALLOWED_NETWORKS can allow its network"


def _is_public(address: Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _embedded(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses that this IPv6 address may stand for."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    if mapped := address.ipv4_mapped:
        yield mapped
    if sixtofour := address.sixtofour:
        yield sixtofour
    if teredo := address.teredo:
        yield from teredo
    if any(address in network for network in _IPV4_AT_THE_END) and number > 1:
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)
    # RFC 6052: after a prefix of 48 bits, 8 zero bits separate the halves of the IPv4 address.
    if address in _NAT64_LOCAL:
        yield ipaddress.IPv4Address((number >> 64 & 0xFFFF) << 16 | number >> 40 & 0xFFFF)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)
