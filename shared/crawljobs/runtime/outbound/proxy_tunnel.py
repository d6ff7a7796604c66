"""Connect through the proxy of WEBHOOK_PROXY to an address that the guard has checked.

The proxy receives only the address, so that the proxy does not resolve the name again.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
from urllib.parse import unquote

from crawljobs.runtime.outbound import pinned_connection
from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.deadline_stream import (
    DeadlineStream,
    seconds_left,
    translated_errors,
)
from crawljobs.runtime.outbound.guard import CheckedTarget
from crawljobs.runtime.outbound.outbound_errors import (
    ConnectionFailed,
    DeadlineExceeded,
    NameNotResolved,
    OutboundError,
    ProxyFailed,
)
from crawljobs.runtime.outbound.resolver import LOOKUP_SECONDS, Resolver
from crawljobs.settings import OutboundProxy

HEAD_MAX = 8_192  # limit of the bytes of the proxy's reply to CONNECT
CREDENTIALS_REFUSED = "407"


def connect(
    proxy: OutboundProxy, target: CheckedTarget, *, resolver: Resolver, deadline: float
) -> socket.socket:
    """Return a tunnel to the first checked address to which the proxy connects.

    `deadline` is a time of the monotonic clock. The addresses share the time until the deadline.
    Raises an OutboundError.
    """
    tried = pinned_connection.in_turns(target.addresses)
    problem: OutboundError = ProxyFailed("the name has no address")
    for index, address in enumerate(tried):
        connected = _reach(proxy, resolver, deadline)
        try:
            left = len(tried) - index
            share = deadline - seconds_left(deadline) * (left - 1) / left
            status = _open_tunnel(connected, proxy, address, target.url.port, share)
        except OutboundError as error:
            connected.close()
            problem = error
            continue
        if status == "200":
            return connected
        connected.close()
        problem = ProxyFailed(f"the proxy refuses the tunnel: expected status 200, got {status!r}")
        if status == CREDENTIALS_REFUSED:
            break  # the proxy would refuse all other addresses too
    raise problem


def _reach(proxy: OutboundProxy, resolver: Resolver, deadline: float) -> socket.socket:
    """Return a connection to the proxy. Raises ProxyFailed, or DeadlineExceeded."""
    seconds = min(LOOKUP_SECONDS, seconds_left(deadline))
    try:
        found = _addresses(proxy.host, resolver, seconds)
        return pinned_connection.connect(found, proxy.port, deadline=deadline)
    except (ConnectionFailed, DeadlineExceeded, NameNotResolved) as error:
        raise ProxyFailed(f"the proxy cannot be reached: {error}") from None


def _addresses(host: str, resolver: Resolver, seconds: float) -> tuple[Address, ...]:
    try:
        return (ipaddress.ip_address(host),)
    except ValueError:
        return resolver.addresses(host, seconds=seconds)


def _open_tunnel(
    connected: socket.socket, proxy: OutboundProxy, address: Address, port: int, deadline: float
) -> str:
    """Send the request CONNECT, and return the status of the reply, at most 4 characters."""
    host = f"[{address}]" if address.version == 6 else str(address)
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.user is not None:
        credentials = f"{unquote(proxy.user)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(credentials).decode()}")
    stream = DeadlineStream(connected, deadline=deadline, read_max=HEAD_MAX)
    stream.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        with translated_errors():
            connected.settimeout(seconds_left(deadline))
            # Read single bytes. A longer read could take bytes after the proxy's head, which come
            # from the server behind the proxy. The caller needs these bytes.
            byte = connected.recv(1)
        head += byte
        if not byte or len(head) > HEAD_MAX:
            raise ProxyFailed("the proxy's answer to CONNECT is not HTTP")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
        raise ProxyFailed("the proxy's answer to CONNECT is not HTTP")
    return status[1][:4].decode("ascii", "replace")
