"""Connections to Reddit for urllib3; no wait of an exchange exceeds its deadline."""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import urllib3
from urllib3 import connection, connectionpool, exceptions

from crawler_worker.reddit.crawl_failures import Cause
from crawler_worker.reddit.exchange.reply_head import ReplyHead

CONNECT_SECONDS = 5.0  # for one address, and for a TLS handshake
RESOLVE_SECONDS = 10.0
READ_SECONDS = 15.0  # between two received pieces
ADDRESSES_MAX = 8  # of one host; further addresses are not tried
BROKEN = (OSError, ValueError, http.client.HTTPException, exceptions.HTTPError)


class NotConnected(exceptions.HTTPError):
    """The connection failed before a request was sent. `cause` is the step that failed."""

    def __init__(self, cause: Cause, error: Exception) -> None:
        super().__init__(str(error) or type(error).__name__)
        self.cause = cause


class _Exchange(threading.local):
    """The deadline of the calling thread's exchange, on the monotonic clock."""

    ends_at = 0.0


_exchange = _Exchange()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit all waits of the calling thread on its connection to `seconds` together."""
    _exchange.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _exchange.ends_at = 0.0


def is_over() -> bool:
    """Whether the deadline of the calling thread's exchange has passed."""
    return time.monotonic() >= _exchange.ends_at


def end_within(seconds: float) -> None:
    """Set the deadline of the calling thread to `seconds` from now, if that is earlier."""
    _exchange.ends_at = min(_exchange.ends_at, time.monotonic() + seconds)


def left(longest: float) -> float:
    """Seconds until the deadline, at most `longest`. Raises TimeoutError when none is left."""
    seconds = min(longest, _exchange.ends_at - time.monotonic())
    if seconds <= 0:
        raise TimeoutError("the exchange took too long")
    return seconds


class _Socket(socket.socket):
    """A socket whose calls all end at the deadline.

    A timeout of the operating system limits one call only: a peer that sends a byte now and then
    never exceeds it. So each call gets the remaining time of the exchange as its timeout.
    """

    def recv_into(self, *args: Any) -> int:
        self.settimeout(left(READ_SECONDS))
        return super().recv_into(*args)

    def recv(self, *args: Any) -> bytes:
        self.settimeout(left(READ_SECONDS))
        return super().recv(*args)

    def sendall(self, *args: Any) -> None:
        self.settimeout(left(READ_SECONDS))
        super().sendall(*args)


class _TlsSocket(ssl.SSLSocket):
    """The same for TLS; a handshake counts as one call."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(left(CONNECT_SECONDS))
        super().do_handshake(block)

    def recv_into(self, *args: Any) -> int:
        self.settimeout(left(READ_SECONDS))
        return super().recv_into(*args)

    def recv(self, *args: Any) -> bytes:
        self.settimeout(left(READ_SECONDS))
        return super().recv(*args)

    def send(self, *args: Any) -> int:
        self.settimeout(left(READ_SECONDS))
        return super().send(*args)


def tls(ca_file: str | None, ca_directory: str | None) -> ssl.SSLContext:
    """A TLS context that trusts the certificates in these files. Raises OSError when they cannot be
    read."""
    context = ssl.create_default_context(cafile=ca_file, capath=ca_directory)
    context.sslsocket_class = _TlsSocket
    return context


class _Connection(connection.HTTPConnection):
    response_class = ReplyHead

    def _new_conn(self) -> socket.socket:
        try:
            return _connected(self._dns_host, self.port)
        except (OSError, UnicodeError) as error:
            raise NotConnected(Cause.PROXY if self.proxy else _cause(error), error) from error

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except BROKEN as error:
            raise NotConnected(Cause.PROXY, error) from error


class _TlsConnection(_Connection, connection.HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except NotConnected:
            raise
        except BROKEN as error:
            to_proxy = self.proxy is not None and not self.has_connected_to_proxy
            raise NotConnected(Cause.PROXY if to_proxy else _cause(error), error) from error


class _Pool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def pools(size: int, *, context: ssl.SSLContext | None, proxy: str | None) -> urllib3.PoolManager:
    """A pool manager that keeps `size` connections to a host open; all use `proxy` if given."""
    manager: urllib3.PoolManager
    if proxy is None:
        manager = urllib3.PoolManager(maxsize=size, ssl_context=context)
    else:
        bare, credentials = _without_credentials(proxy)
        manager = urllib3.ProxyManager(
            bare,
            maxsize=size,
            ssl_context=context,
            proxy_ssl_context=context,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=credentials),
        )
    # Without a context there is no pool for https: urllib3 would make a context whose sockets have
    # no deadline.
    manager.pool_classes_by_scheme = {"http": _Pool, **({"https": _TlsPool} if context else {})}
    return manager


def _without_credentials(proxy: str) -> tuple[str, str | None]:
    parts = urllib3.util.parse_url(proxy)
    credentials = None if parts.auth is None else unquote(parts.auth)
    return parts._replace(auth=None).url, credentials


def _cause(error: Exception) -> Cause:
    """The step at which a direct connection failed."""
    seen: BaseException | None = error
    while seen is not None:
        for kind, cause in _CAUSES:
            if isinstance(seen, kind):
                return cause
        seen = seen.__cause__ or seen.__context__
    return Cause.NETWORK


_CAUSES = (
    (ssl.SSLCertVerificationError, Cause.CERTIFICATE),
    (ssl.CertificateError, Cause.CERTIFICATE),
    ((socket.gaierror, UnicodeError), Cause.UNKNOWN_HOST),
    (ConnectionRefusedError, Cause.REFUSED),
    (TimeoutError, Cause.TIMEOUT),
    (ssl.SSLError, Cause.TLS),
)


def _connected(host: str, port: int) -> socket.socket:
    """A connection to the first address of the host that accepts one. Raises OSError."""
    failed: OSError | None = None
    for family, kind, protocol, _, address in _addresses(host, port)[:ADDRESSES_MAX]:
        sock = _Socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(left(CONNECT_SECONDS))
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

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    try:
        answer = found.get(timeout=left(RESOLVE_SECONDS))
    except queue.Empty:
        raise TimeoutError("the name of the host was not resolved in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
