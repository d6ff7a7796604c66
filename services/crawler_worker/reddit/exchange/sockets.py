"""Sockets for connections to Reddit. They wait at most until the deadline of the exchange."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from typing import Any

from crawler_worker.reddit.exchange import exchange_deadline

CONNECT_SECONDS = 5.0  # time limit for connecting to one address, and for a TLS handshake
RESOLVE_SECONDS = 10.0
READ_SECONDS = 15.0  # time limit for one call that sends or receives data
ADDRESSES_MAX = 8  # the maximum number of addresses that are tried for one host


class _Socket(socket.socket):
    """A socket whose calls all end at the deadline of the exchange, or earlier.

    A socket timeout limits only one call. A peer that sends a byte now and then never exceeds this
    timeout. So the timeout of each call is at most the remaining time of the exchange.
    """

    def recv_into(self, *args: Any) -> int:
        self.settimeout(exchange_deadline.left(READ_SECONDS))
        return super().recv_into(*args)

    def recv(self, *args: Any) -> bytes:
        self.settimeout(exchange_deadline.left(READ_SECONDS))
        return super().recv(*args)

    def sendall(self, *args: Any) -> None:
        self.settimeout(exchange_deadline.left(READ_SECONDS))
        super().sendall(*args)


class _TlsSocket(ssl.SSLSocket):
    """A TLS socket whose calls all end at the deadline, or earlier. A handshake is one call."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(exchange_deadline.left(CONNECT_SECONDS))
        super().do_handshake(block)

    def recv_into(self, *args: Any) -> int:
        self.settimeout(exchange_deadline.left(READ_SECONDS))
        return super().recv_into(*args)

    def recv(self, *args: Any) -> bytes:
        self.settimeout(exchange_deadline.left(READ_SECONDS))
        return super().recv(*args)

    def send(self, *args: Any) -> int:
        self.settimeout(exchange_deadline.left(READ_SECONDS))
        return super().send(*args)


def tls(ca_file: str | None, ca_directory: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the certificates in this file and this directory.

    Raises OSError if the certificates cannot be read.
    """
    context = ssl.create_default_context(cafile=ca_file, capath=ca_directory)
    context.sslsocket_class = _TlsSocket
    return context


def connect(host: str, port: int) -> socket.socket:
    """Try up to ADDRESSES_MAX addresses of the host. Return the first connection that opens.

    Raises OSError if no connection opens.
    """
    failed: OSError | None = None
    for family, kind, protocol, _, address in _addresses(host, port)[:ADDRESSES_MAX]:
        sock = _Socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(exchange_deadline.left(CONNECT_SECONDS))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failed = error
    raise failed or OSError("the host has no address")


def _addresses(host: str, port: int) -> list[Any]:
    """Return the host's addresses. A separate thread resolves them, because the resolver of the
    operating system has no timeout."""
    found: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.put(error)

    try:
        threading.Thread(target=look_up, name="resolver", daemon=True).start()
    except RuntimeError:
        raise OSError("no thread can be started for the resolver") from None
    try:
        answer = found.get(timeout=exchange_deadline.left(RESOLVE_SECONDS))
    except queue.Empty:
        raise TimeoutError("the name of the host was not resolved in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
