"""Collects the head and the body of one request as they arrive, and sets their deadlines."""

from __future__ import annotations

import errno
import re
import time
from enum import Enum, auto

from admin_api.http.request.request_body import BodyTooLarge
from admin_api.server import arriving_body, http_rules

HEAD_BYTES = 32 * 1024  # maximum size of a request's head; browsers and proxies send less

# The time limit for the head of a request. The time begins when the client connects. On a
# connection that stayed open, the time begins with the first byte of the request.
HEAD_SECONDS = 10.0
# The time limit for a body is BODY_GRACE_SECONDS at first. For each BODY_BYTES_PER_SECOND
# bytes that arrive, the limit grows by one second.
BODY_GRACE_SECONDS = 5.0
SILENCE_SECONDS = 10.0  # longest time between two received pieces of a body
BODY_BYTES_PER_SECOND = 16 * 1024
# The limit of bytes that gunicorn's parser reads at once. For each chunk of a body, the parser
# copies all bytes that it has read and not used yet. With a low limit, these copies stay small.
SMALL_READ_BYTES = 2_048
_PARSERS_READ_BYTES = 8_192
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
_WAITS_TO_SEND = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class State(Enum):
    HEAD = auto()
    BODY = auto()
    # In the states below, the server waits for no further bytes of the request.
    WHOLE = auto()
    TOO_LARGE = auto()
    LATE = auto()
    BROKEN_OFF = auto()  # the client closed the connection before the body was complete


class ArrivingRequest:
    def __init__(self) -> None:
        self.received = bytearray()
        self.state = State.HEAD
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.behind = b""  # bytes that arrived with this request and belong to the next request
        self._body: arriving_body.BodyEnd | None = None
        self._body_since = 0.0
        self._head_end = 0

    @property
    def is_over(self) -> bool:
        return self.state not in (State.HEAD, State.BODY)

    @property
    def may_be_followed(self) -> bool:
        """Return whether a next request may follow: this request is complete, with a clear end."""
        return self.state is State.WHOLE and (self._body is None or self._body.is_clear)

    @property
    def waits_to_send(self) -> bool:
        """Return whether the client waits for `100 Continue`. HTTP/1.0 does not have this reply."""
        if self.state is not State.BODY or len(self.received) != self._head_end:
            return False
        is_http_1_1 = self.received[: self.received.find(b"\r\n", 2)].endswith(b" HTTP/1.1")
        return is_http_1_1 and _WAITS_TO_SEND.search(self.received) is not None

    def add(self, piece: bytes) -> None:
        """Append received bytes. Raises http_rules.Refused if the head is too long."""
        before = len(self.received)
        self.received += piece
        if self.state is State.HEAD:
            self._find_end_of_head(before)
        if self.state is State.BODY and self._body is not None:
            self._find_end_of_body(self._body)

    def _find_end_of_head(self, before: int) -> None:
        # RFC 9112 allows an empty line before a request.
        begin = 2 if self.received.startswith(b"\r\n") else 0
        end = self.received.find(b"\r\n\r\n", max(begin, before - 3))
        if end >= 0:
            self._end_head(end + 4)
        elif _BARE_NEWLINE.search(self.received, before) or self.received.startswith(
            b"\r\n", begin
        ):
            # The head is malformed, and the parser will refuse it.
            self._body = arriving_body.Unclear()
            self._end_at(len(self.received))
        elif len(self.received) > HEAD_BYTES:
            raise http_rules.head_too_long(is_first_line=b"\n" not in self.received)

    def _end_head(self, end: int) -> None:
        if end > HEAD_BYTES:
            raise http_rules.head_too_long(is_first_line=self.received.find(b"\n") == end - 3)
        self._head_end = end
        self._body = arriving_body.expected(bytes(self.received[:end]))
        if self._body is None:
            self._end_at(end)
        else:
            self.state = State.BODY
            self._body_since = time.monotonic()

    def _find_end_of_body(self, body: arriving_body.BodyEnd) -> None:
        end = body.find(self.received)
        if body.is_too_large:
            self.state = State.TOO_LARGE
        elif end is not None:
            self._end_at(end)
        else:
            seconds = (len(self.received) - self._head_end) / BODY_BYTES_PER_SECOND
            by_rate = self._body_since + BODY_GRACE_SECONDS + seconds
            self.deadline = min(by_rate, time.monotonic() + SILENCE_SECONDS)

    def _end_at(self, end: int) -> None:
        self.behind = bytes(self.received[end:])
        del self.received[end:]
        self.state = State.WHOLE

    def stop(self, state: State) -> None:
        """Stop waiting for the rest of the body. The new `state` shows the reason."""
        self.state = state


class ReceivedBytes:
    """Replaces the socket for gunicorn's parser, and returns the bytes that have arrived."""

    def __init__(self, request: ArrivingRequest) -> None:
        self._bytes = bytes(request.received)
        self._place = 0
        self._state = request.state

    def recv(self, size: int) -> bytes:
        """Return the next bytes, or no bytes at the end. Never blocks.

        Raises BodyTooLarge or TimeoutError if the rest of the body is missing.
        """
        if size <= _PARSERS_READ_BYTES:
            size = min(size, SMALL_READ_BYTES)
        piece = self._bytes[self._place : self._place + size]
        self._place += len(piece)
        if piece or self._state in (State.WHOLE, State.BROKEN_OFF):
            return piece
        if self._state is State.TOO_LARGE:
            raise BodyTooLarge
        # For the errno ENOTCONN, gunicorn assumes that the client is the cause, and logs no
        # traceback.
        raise TimeoutError(errno.ENOTCONN, "the request did not arrive in time")
