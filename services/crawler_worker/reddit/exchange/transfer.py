"""One HTTP exchange with Reddit: limited in time and size, without redirects and cookies."""

from __future__ import annotations

import http.client
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import certifi
import urllib3
from urllib3 import exceptions

from crawler_worker.reddit import crawl_failures, request_counters
from crawler_worker.reddit.exchange import (
    connections,
    exchange_deadline,
    reply_body,
    sockets,
    transfer_failures,
)
from crawler_worker.reddit.exchange.large_replies import LargeReplies
from crawljobs.runtime import tracing
from crawljobs.settings import RedditSettings
from crawljobs.settings.certificates import BROWSERS_TRUST

EXCHANGE_SECONDS = 60.0  # The time limit for an exchange, from the DNS lookup to the last byte.
# The maximum size of a reply. A tree of 500 long comments has 3 MiB. A page of 100 posts with
# 40,000 characters each has 8 MiB. The limit is not higher, because a reply uses more memory than
# its size: if a text contains an emoji, each of the text's characters uses 4 bytes.
REPLY_MAX_BYTES = 8 * 1024 * 1024
CLIENT_ERRORS = 400
THREADS = 100  # default maximum number of threads that send requests at once


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `headers` are sent in addition to the headers that all requests have.

    `url` is the complete URL. `reply_max` limits the body of a reply with status 200, in bytes. If
    `reply_max` is 0, the limit is REPLY_MAX_BYTES.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    reply_max: int = 0

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class Exchange:
    """A complete reply. If the status is not 200, `content` has at most ERROR_MAX_BYTES.

    The names of headers are in lower case.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """Sends requests over pools of connections, with one connection for each of the threads.

    With fewer connections, a thread would wait for a free connection, and this wait would seem to
    be a failure of Reddit. `proxies` maps an origin, such as https://oauth.reddit.com, to a proxy.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        threads: int = THREADS,
        proxies: Mapping[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "gzip"}
        self._threads, self._context = threads, context
        self._direct = connections.pools(threads, context=context, proxy=None)
        self._through = {
            origin: connections.pools(threads, context=context, proxy=proxy)
            for origin, proxy in (proxies or {}).items()
        }
        self.large = LargeReplies()

    def close(self) -> None:
        for manager in (self._direct, *self._through.values()):
            manager.clear()

    def send(self, request: Request) -> Exchange:
        """Send the request and read the whole reply. Raises UpstreamTrouble if the exchange fails.

        Only one thread at a time reads a large reply. Raises SlotTooLate if another thread does not
        finish its large reply in time.
        The trace span contains the endpoint, but not the full path. No trace header is sent.
        """
        endpoint = request_counters.endpoint_of(request.path)
        host = urlsplit(request.url).hostname or ""
        attributes = {"http.request.method": request.method, "server.address": host}
        with tracing.span(
            f"{request.method} {endpoint}", tracing.Kind.CLIENT, attributes=attributes
        ) as span:
            reply = self._sent(request)
            span.set_attributes({"http.response.status_code": reply.status})
            if reply.status >= CLIENT_ERRORS:
                span.fail(str(reply.status))
            return reply

    def _sent(self, request: Request) -> Exchange:
        with exchange_deadline.limit(EXCHANGE_SECONDS):
            try:
                response = self._answered(request)
                try:
                    content = reply_body.read(
                        response,
                        good_max=request.reply_max or REPLY_MAX_BYTES,
                        large=self.large,
                    )
                finally:
                    _put_back(response)
            except crawl_failures.CrawlFailure:
                request_counters.failed(request.path, is_late=False)
                raise
            except (exceptions.HTTPError, http.client.HTTPException, OSError, zlib.error) as error:
                is_late = exchange_deadline.is_over() or transfer_failures.is_timeout(error)
                request_counters.failed(request.path, is_late=is_late)
                raise transfer_failures.failure_of(error, seconds=EXCHANGE_SECONDS) from error
        request_counters.replied(request.path, response.status)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Exchange(response.status, headers, content)

    def _answered(self, request: Request) -> urllib3.BaseHTTPResponse:
        """Send the request once, and read the head of the reply. Do not keep cookies."""
        manager = self._through.get(_origin(request.url), self._direct)
        return manager.urlopen(
            request.method,
            request.url,
            body=request.body,
            headers={**self._headers, **request.headers},
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=sockets.READ_SECONDS,
        )


def open_transport(settings: RedditSettings, *, threads: int) -> Transport:
    """Return a transport for `threads` threads, with the settings' proxies and certificates."""
    urls = {settings.api_url: settings.api_proxy, settings.auth_url: settings.auth_proxy}
    proxies = {_origin(url): proxy for url, proxy in urls.items() if proxy is not None}
    is_tls = any(address.lower().startswith("https:") for address in (*urls, *proxies.values()))
    trust = settings.trust
    file = trust.file if trust != BROWSERS_TRUST else certifi.where()
    return Transport(
        user_agent=settings.user_agent,
        threads=threads,
        proxies=proxies,
        context=sockets.tls(file, trust.folder) if is_tls else None,
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _put_back(response: urllib3.BaseHTTPResponse) -> None:
    """Return the connection to its pool. If its reply was not read to the end, close it first."""
    response.close()
    response.release_conn()
