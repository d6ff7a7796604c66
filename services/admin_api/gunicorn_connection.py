"""A connection whose every wait ends: for a request's head, for its body, for its reader."""

from __future__ import annotations

import errno
import socket
import time

from gunicorn.http import errors as http_errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn  # type: ignore[import-untyped]

HEAD_BYTES = 32 * 1024  # more than any browser or proxy sends
BODY_SECONDS = 15.0  # for all of it: only whoever has a token is asked for one
SILENCE_SECONDS = 10.0  # between two pieces of it
# For a piece of an answer; what the kernel takes meanwhile holds most answers whole, so that
# whoever does not read holds no thread.
SEND_SECONDS = 5.0
SEND_BUFFER_BYTES = 256 * 1024


class Connection(TConn):  # type: ignore[misc] # the base has no types
    """Its head is collected before a thread has anything to do with it."""

    def __init__(self, cfg: object, sock: socket.socket, client: object, server: object) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().__init__(cfg, sock, client, server)
        self.head = bytearray()
        self.incoming = IncomingBytes(sock)
        self.came_at = 0.0  # when the head of its request was whole
        self.data_ready = True  # gunicorn need not wait for any

    def add_to_head(self, piece: bytes) -> None:
        """Raises gunicorn's LimitRequestLine or LimitRequestHeaders."""
        self.head += piece
        if len(self.head) > HEAD_BYTES and not self.has_whole_head:
            kind = (
                http_errors.LimitRequestHeaders
                if b"\n" in self.head
                else http_errors.LimitRequestLine
            )
            raise kind(len(self.head), HEAD_BYTES)

    @property
    def has_whole_head(self) -> bool:
        """Or so much of one that the parser will refuse it without asking for more."""
        begin = 2 if self.head.startswith(b"\r\n") else 0  # an empty line may come before it
        ends = self.head.find(b"\r\n\r\n", begin) >= 0 or self.head.startswith(b"\r\n", begin)
        return ends or self.head.count(b"\n") > self.head.count(b"\r\n")

    def init(self) -> None:
        """In a thread, before the parser is asked for the request."""
        super().init()
        self.sock.settimeout(SEND_SECONDS)
        self.parser.unreader.sock = self.incoming
        self.incoming.refuse()
        self.parser.unreader.unread(bytes(self.head))
        self.head.clear()


class IncomingBytes:
    """What gunicorn's parser reads from: a head is there already, a body has so long to come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0

    def refuse(self) -> None:
        self._deadline = 0.0

    def expect_body(self) -> None:
        self._deadline = time.monotonic() + BODY_SECONDS

    def recv(self, size: int) -> bytes:
        """Raises TimeoutError when what is wanted is late."""
        before = self._connection.gettimeout()
        left = min(self._deadline - time.monotonic(), SILENCE_SECONDS, before or SILENCE_SECONDS)
        try:
            self._connection.settimeout(max(left, 0.001))  # 0 would mean: do not wait
            return self._connection.recv(size)
        except TimeoutError:
            # The number tells gunicorn that this is the client's doing and needs no traceback.
            raise TimeoutError(errno.ENOTCONN, "the request did not arrive in time") from None
        finally:
            self._connection.settimeout(before)

    def gettimeout(self) -> float | None:
        return self._connection.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        self._connection.settimeout(seconds)
