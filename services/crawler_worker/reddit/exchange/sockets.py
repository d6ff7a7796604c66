"""Sockets to Reddit whose waits all end at the deadline of the exchange."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from typing import Any

from crawler_worker.reddit.exchange import exchange_deadline

CONNECT_SECONDS = 5.0  # for one address, and for a TLS handshake
RESOLVE_SECONDS = 10.0
READ_SECONDS = 15.0  # between two received pieces
ADDRESSES_MAX = 8  # of one host; further addresses are not tried


class _Socket(socket.socket):
    """A socket whose calls all end at the deadline.

    A timeout of the operating system limits one call only: a peer that sends a byte now and then
    never exceeds it. So each call gets the remaining time of the exchange as its timeout.
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
    """The same for TLS; a handshake counts as one call."""

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
    """A TLS context that trusts the certificates in these files. Raises OSError when they cannot be
    read."""
    context = ssl.create_default_context(cafile=ca_file, capath=ca_directory)
    context.sslsocket_class = _TlsSocket
    return context


def connect(host: str, port: int) -> socket.socket:
    """A connection to the first address of the host that accepts one. Raises OSError."""
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
    """The addresses of the host. A thread resolves them, because the system's resolver has no
    timeout."""
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
