"""Connect only to an address that the guard has checked.

A second lookup of the name could return another address (DNS rebinding). So the name is used only
for TLS and for the header Host.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Sequence

from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.deadline_stream import seconds_left, translated_errors
from crawljobs.runtime.outbound.guard import CheckedTarget
from crawljobs.runtime.outbound.outbound_errors import (
    ConnectionFailed,
    DeadlineExceeded,
    OutboundError,
    RefusedTarget,
)

CONNECT_SECONDS = 3.0
TRIED_ADDRESSES = 8  # at most this number of a name's addresses are tried


def start_tls(
    connected: socket.socket, target: CheckedTarget, *, tls: ssl.SSLContext, deadline: float
) -> socket.socket:
    """Return the connection after a TLS handshake for the target's name.

    Closes the connection and raises an OutboundError if the handshake fails.
    """
    try:
        with translated_errors():
            connected.settimeout(seconds_left(deadline))
            return tls.wrap_socket(connected, server_hostname=target.url.host)
    except OutboundError:
        connected.close()
        raise


def connect(addresses: Sequence[Address], port: int, *, deadline: float) -> socket.socket:
    """Return a connection to the first address that accepts the connection.

    All addresses together are tried for at most CONNECT_SECONDS, and not after `deadline`, a time
    of the monotonic clock. Raises an OutboundError.
    """
    connect_deadline = min(deadline, time.monotonic() + CONNECT_SECONDS)
    tried = in_turns(addresses)
    problem: OutboundError = ConnectionFailed("the name has no address")
    for index, address in enumerate(tried):
        try:
            seconds = seconds_left(connect_deadline) / (len(tried) - index)
            return _connect(address, port, seconds)
        except (ConnectionFailed, DeadlineExceeded) as error:
            problem = error
    raise problem


def in_turns(addresses: Sequence[Address]) -> list[Address]:
    """Return at most TRIED_ADDRESSES addresses in the order in which they are tried.

    IPv6 and IPv4 addresses alternate, because often all addresses of one kind are unreachable.
    """
    first = [each for each in addresses if each.version == addresses[0].version]
    second = [each for each in addresses if each.version != addresses[0].version]
    paired = [each for pair in zip(first, second, strict=False) for each in pair]
    pairs = len(paired) // 2
    return [*paired, *first[pairs:], *second[pairs:]][:TRIED_ADDRESSES]


def _connect(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with translated_errors():
        connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        with translated_errors():
            connected.settimeout(seconds)
            connected.connect((str(address), port))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = connected.getpeername()
        if (ipaddress.ip_address(peer[0].partition("%")[0]), peer[1]) != (address, port):
            raise RefusedTarget("the connection leads to another address than the checked one")
    except OutboundError:
        connected.close()
        raise
    return connected
