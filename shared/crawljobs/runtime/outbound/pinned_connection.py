"""Connect only to an address that the guard has checked.

A second lookup of the name could return another address (DNS rebinding). So the name is used only
for TLS and for the header Host.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import time
from urllib.parse import unquote

from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.deadline_stream import seconds_left, translated_errors
from crawljobs.runtime.outbound.guard import CheckedTarget
from crawljobs.runtime.outbound.outbound_errors import (
    ConnectionFailed,
    DeadlineExceeded,
    NameNotResolved,
    OutboundError,
    ProxyFailed,
    RefusedTarget,
)
from crawljobs.runtime.outbound.resolver import Resolver
from crawljobs.settings import OutboundProxy

CONNECT_SECONDS = 3.0
TRIED_ADDRESSES = 3  # only this number of a name's addresses is tried
PROXY_HEAD_MAX = 8_192  # limit of the bytes of the proxy's reply to CONNECT


def connect(
    target: CheckedTarget,
    *,
    tls: ssl.SSLContext,
    deadline: float,
    proxy: OutboundProxy | None = None,
    resolver: Resolver | None = None,
) -> socket.socket:
    """Return a connection to one of the checked addresses, with TLS for an https target.

    `deadline` is a time of the monotonic clock. Raises an OutboundError.
    """
    if proxy is None:
        connected = _first_that_answers(target.addresses, target.url.port, deadline)
    else:
        connected = _through(proxy, resolver or Resolver(), target, deadline)
    if not target.url.is_tls:
        return connected
    try:
        with translated_errors():
            connected.settimeout(seconds_left(deadline))
            return tls.wrap_socket(connected, server_hostname=target.url.host)
    except OutboundError:
        connected.close()
        raise


def _first_that_answers(
    addresses: tuple[Address, ...], port: int, deadline: float
) -> socket.socket:
    """Return a connection to the first address that accepts one, within CONNECT_SECONDS."""
    connect_deadline = min(deadline, time.monotonic() + CONNECT_SECONDS)
    tried = addresses[:TRIED_ADDRESSES]
    problem: OutboundError = ConnectionFailed("the name has no address")
    for index, address in enumerate(tried):
        try:
            seconds = seconds_left(connect_deadline) / (len(tried) - index)
            return _connect(address, port, seconds)
        except (ConnectionFailed, DeadlineExceeded) as error:
            problem = error
    raise problem


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


def _through(
    proxy: OutboundProxy, resolver: Resolver, target: CheckedTarget, deadline: float
) -> socket.socket:
    """Return a tunnel to the first checked address. The proxy receives only the address, so that it
    does not resolve the name again."""
    try:
        found = _addresses(proxy.host, resolver)
        connected = _first_that_answers(found, proxy.port, deadline)
    except (ConnectionFailed, DeadlineExceeded, NameNotResolved) as error:
        raise ProxyFailed(f"the proxy cannot be reached: {error}") from None
    try:
        _open_tunnel(connected, proxy, target, deadline)
    except OutboundError:
        connected.close()
        raise
    return connected


def _addresses(host: str, resolver: Resolver) -> tuple[Address, ...]:
    try:
        return (ipaddress.ip_address(host),)
    except ValueError:
        return resolver.addresses(host)


def _open_tunnel(
    connected: socket.socket, proxy: OutboundProxy, target: CheckedTarget, deadline: float
) -> None:
    address = target.addresses[0]
    host = f"[{address}]" if address.version == 6 else str(address)
    lines = [f"CONNECT {host}:{target.url.port} HTTP/1.1", f"Host: {host}:{target.url.port}"]
    if proxy.user is not None:
        credentials = f"{unquote(proxy.user)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(credentials).decode()}")
    with translated_errors():
        connected.settimeout(seconds_left(deadline))
        connected.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        with translated_errors():
            connected.settimeout(seconds_left(deadline))
            # Read single bytes. The bytes after the proxy's head are for the caller: they come from
            # the server behind the proxy.
            byte = connected.recv(1)
        head += byte
        if not byte or len(head) > PROXY_HEAD_MAX:
            raise ProxyFailed("the proxy's answer to CONNECT is not HTTP")
    status = head.split(b"\r\n", 1)[0].split(b" ")
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or status[1] != b"200":
        shown = status[1][:3].decode("ascii", "replace") if len(status) > 1 else ""
        raise ProxyFailed(f"the proxy refuses the tunnel: expected status 200, got {shown!r}")
