"""Connections and pools for urllib3. Their sockets wait at most until the exchange's deadline."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import unquote

import urllib3
from urllib3 import connection, connectionpool, exceptions

from crawler_worker.reddit.crawl_failures import Cause
from crawler_worker.reddit.exchange import sockets
from crawler_worker.reddit.exchange.reply_head import ReplyHead

BROKEN = (OSError, ValueError, http.client.HTTPException, exceptions.HTTPError)


class NotConnected(exceptions.HTTPError):
    """The connection failed before a request was sent. `cause` shows the step that failed."""

    def __init__(self, cause: Cause, error: Exception) -> None:
        super().__init__(str(error) or type(error).__name__)
        self.cause = cause


class _Connection(connection.HTTPConnection):
    response_class = ReplyHead

    def _new_conn(self) -> socket.socket:
        try:
            return sockets.connect(self._dns_host, self.port)
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
    """Return a manager of connection pools. A pool keeps up to `size` connections to one host.

    If `proxy` is set, all connections go through this proxy.
    """
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
    # If `context` is None, the manager gets no pool for https. With a pool, urllib3 would create a
    # TLS context whose sockets have no deadline.
    manager.pool_classes_by_scheme = {"http": _Pool, **({"https": _TlsPool} if context else {})}
    return manager


def _without_credentials(proxy: str) -> tuple[str, str | None]:
    parts = urllib3.util.parse_url(proxy)
    credentials = None if parts.auth is None else unquote(parts.auth)
    return parts._replace(auth=None).url, credentials


def _cause(error: Exception) -> Cause:
    """Return why a connection that uses no proxy failed."""
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
