"""One HTTP exchange, bounded in time and size; never follows a redirect."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from crawler_worker.reddit import counting, failures
from crawljobs import tracing

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0  # between two chunks
WHOLE_REPLY_SECONDS = 60.0  # a reply that drips is cut off
# A tree of 500 long comments has 3 MiB, a page of 100 posts of 40,000 characters 8 MiB. One emoji
# makes each character of a text cost 4 bytes in memory.
REPLY_MAX_BYTES = 8 * 1024 * 1024
CLIENT_ERRORS = 400
GZIP = 16 + zlib.MAX_WBITS
THREADS = 100  # that ask at once, when nobody says how many

# A proxy that does not let us through is no fault of what was asked for either.
UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A whole reply; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def open_client(
    *,
    user_agent: str,
    address: str,
    threads: int = THREADS,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A pool of connections, one for each of the threads: waiting for one, which is no trouble of
    Reddit's, would look like it.
    """
    return httpx.Client(
        transport=transport,
        limits=httpx.Limits(max_connections=threads, max_keepalive_connections=threads),
        # Proxies of the environment are for the outside; nothing on this machine is behind one.
        trust_env=urlsplit(address).hostname not in LOOPBACK,
        follow_redirects=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
    )


def exchange(http: httpx.Client, request: httpx.Request) -> Exchange:
    """Send and read to the end. Raises UpstreamTrouble for all that can go wrong on the way.

    Its span names the kind of page alone; Reddit is not told of our traces.
    """
    endpoint = counting.endpoint_of(request.url.path)
    about = {"http.request.method": request.method, "server.address": request.url.host}
    with tracing.span(
        f"{request.method} {endpoint}", tracing.Kind.CLIENT, attributes=about
    ) as span:
        reply = _exchange(http, request)
        span.tell({"http.response.status_code": reply.status})
        if reply.status >= CLIENT_ERRORS:
            span.fail(str(reply.status))
        return reply


def _exchange(http: httpx.Client, request: httpx.Request) -> Exchange:
    deadline = time.monotonic() + WHOLE_REPLY_SECONDS
    try:
        response = http.send(request, stream=True)
        try:
            content = b"".join(_chunks(response, deadline))
        finally:
            response.close()
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, zlib.error) as error:
        counting.failed(request, error)
        what = type(error).__name__
        if isinstance(error, UNREACHABLE):
            raise failures.Unreachable(f"no connection to Reddit ({what})") from error
        raise failures.UpstreamTrouble(f"no reply from Reddit ({what})") from error
    counting.replied(request, response.status_code)
    return Exchange(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        content=content,
    )


def _chunks(response: httpx.Response, deadline: float) -> Iterator[bytes]:
    """Decompressed here and not by httpx, which would unpack a whole gzip bomb at once."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise failures.UpstreamTrouble("the reply has an encoding that was not asked for")
    unpack = zlib.decompressobj(GZIP) if encoding == "gzip" else None
    size = 0
    for raw in response.iter_raw():  # as it comes: collecting chunks would hide a drip
        if time.monotonic() > deadline:
            raise failures.UpstreamTrouble(f"no whole reply within {WHOLE_REPLY_SECONDS:.0f} s")
        chunk = unpack.decompress(raw, REPLY_MAX_BYTES - size + 1) if unpack else raw
        size += len(chunk)
        if size > REPLY_MAX_BYTES:
            raise failures.UpstreamTrouble(f"a reply of more than {REPLY_MAX_BYTES >> 20} MiB")
        yield chunk
    if unpack is not None and size and not unpack.eof:
        raise failures.UpstreamTrouble("the compressed reply was cut off")
