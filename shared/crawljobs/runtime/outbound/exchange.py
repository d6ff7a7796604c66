"""Send a POST request to a target that a user chose, and read the start of the reply.

Redirects are not followed, and the proxy variables of the environment have no effect.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from crawljobs.runtime.outbound import pinned_connection, proxy_tunnel
from crawljobs.runtime.outbound.deadline_stream import DeadlineStream
from crawljobs.runtime.outbound.guard import CheckedTarget, Guard
from crawljobs.runtime.outbound.outbound_errors import ConnectionFailed, InvalidReply
from crawljobs.runtime.outbound.resolver import LOOKUP_SECONDS
from crawljobs.settings import ConnectionSettings

TOTAL_SECONDS = 15.0  # limit in seconds from the lookup of the name to the last byte of the reply
BODY_MAX = 16_384  # limit of the body in bytes; the rest is not read
READ_MAX = 131_072  # limit of all bytes read, with the headers and the lengths of chunks
RETRY_AFTER_MAX = 100  # limit of the header Retry-After in characters


@dataclass(frozen=True)
class Reply:
    """The status, at most BODY_MAX bytes of the body, and the header Retry-After of a reply."""

    status: int
    body: bytes
    retry_after: str | None


class Sender:
    """Sends requests to targets that the guard allows. Thread-safe."""

    def __init__(
        self, guard: Guard, tls: ssl.SSLContext, chosen: ConnectionSettings | None = None
    ) -> None:
        self._guard = guard
        self._tls = tls
        self._proxy = None if chosen is None else chosen.proxy

    def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float = TOTAL_SECONDS,
    ) -> Reply:
        """Send the body and return the reply, within `seconds`. Raises an OutboundError."""
        deadline = time.monotonic() + seconds
        target = self._guard.check(url, seconds=min(LOOKUP_SECONDS, seconds))
        connected = self._connected(target, deadline)
        stream = DeadlineStream(connected, deadline=deadline, read_max=READ_MAX)
        try:
            return _exchange(stream, target, headers, body)
        except http.client.IncompleteRead:
            raise ConnectionFailed("the connection ended before the end of the answer") from None
        except http.client.RemoteDisconnected:
            raise ConnectionFailed("the server closed the connection without an answer") from None
        except (http.client.HTTPException, ValueError) as error:
            raise InvalidReply(f"the answer is not HTTP ({type(error).__name__})") from None
        finally:
            stream.end()

    def _connected(self, target: CheckedTarget, deadline: float) -> socket.socket:
        """Return a connection to the target, with TLS for https. Raises an OutboundError."""
        if self._proxy is None:
            connected = pinned_connection.connect(
                target.addresses, target.url.port, deadline=deadline
            )
        else:
            connected = proxy_tunnel.connect(
                self._proxy, target, resolver=self._guard.resolver, deadline=deadline
            )
        if not target.url.is_tls:
            return connected
        return pinned_connection.start_tls(connected, target, tls=self._tls, deadline=deadline)


def _exchange(
    stream: DeadlineStream, target: CheckedTarget, headers: Mapping[str, str], body: bytes
) -> Reply:
    connection = http.client.HTTPConnection(target.url.host, target.url.port)
    connection.auto_open = 0
    connection.sock = stream  # the stream has all methods that http.client uses here
    connection.putrequest("POST", target.url.path, skip_host=True, skip_accept_encoding=True)
    for name, value in {
        "Host": target.url.host_header,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    with connection.getresponse() as answer:
        content = answer.read(BODY_MAX)
        retry_after = answer.getheader("Retry-After")
        return Reply(answer.status, content, retry_after and retry_after[:RETRY_AFTER_MAX])
