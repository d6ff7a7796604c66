"""A request while its head and body arrive, with the deadlines for both."""

from __future__ import annotations

import errno
import re
import time
from enum import Enum, auto

from admin_api.http.request.request_body import BodyTooLarge
from admin_api.server import arriving_body, http_rules

HEAD_BYTES = 32 * 1024  # more than any browser or proxy sends
HEAD_SECONDS = 10.0  # for the head: from the connection, or from the first byte if it was kept
# The deadline of a body: the grace plus the time of the received bytes at the lowest rate.
BODY_GRACE_SECONDS = 5.0
SILENCE_SECONDS = 10.0  # limit between two received pieces of a body
BODY_BYTES_PER_SECOND = 16 * 1024
# For each chunk of a body, the parser copies its unused bytes. Small reads keep the copies small.
SMALL_READ_BYTES = 2_048
_PARSERS_READ_BYTES = 8_192
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
_WAITS_TO_SEND = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class State(Enum):
    HEAD = auto()
    BODY = auto()
    # The states below wait for no more bytes.
    WHOLE = auto()
    TOO_LARGE = auto()
    LATE = auto()
    BROKEN_OFF = auto()  # by the client


class ArrivingRequest:
    def __init__(self) -> None:
        self.received = bytearray()
        self.state = State.HEAD
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.behind = b""  # the first bytes of the next request
        self._body: arriving_body.BodyEnd | None = None
        self._body_since = 0.0
        self._head_end = 0

    @property
    def is_over(self) -> bool:
        return self.state not in (State.HEAD, State.BODY)

    @property
    def may_be_followed(self) -> bool:
        """Whether another request can follow: this one is complete and its end is unambiguous."""
        return self.state is State.WHOLE and (self._body is None or self._body.is_clear)

    @property
    def waits_to_send(self) -> bool:
        """Whether the client waits for `100 Continue`, which HTTP/1.0 does not have."""
        if self.state is not State.BODY or len(self.received) != self._head_end:
            return False
        is_http_1_1 = self.received[: self.received.find(b"\r\n", 2)].endswith(b" HTTP/1.1")
        return is_http_1_1 and _WAITS_TO_SEND.search(self.received) is not None

    def add(self, piece: bytes) -> None:
        """Append received bytes. Raises http_rules.Refused when the head is too long."""
        before = len(self.received)
        self.received += piece
        if self.state is State.HEAD:
            self._find_end_of_head(before)
        if self.state is State.BODY and self._body is not None:
            self._find_end_of_body(self._body)

    def _find_end_of_head(self, before: int) -> None:
        begin = 2 if self.received.startswith(b"\r\n") else 0  # RFC 9112 allows an empty line first
        end = self.received.find(b"\r\n\r\n", max(begin, before - 3))
        if end >= 0:
            self._end_head(end + 4)
        elif _BARE_NEWLINE.search(self.received, before) or (
            self.received.startswith(b"\r\n", begin) and len(self.received) >= begin + 2
        ):
            self._body = arriving_body.Unclear()  # malformed: the parser will refuse it
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
        """Stop waiting for the rest of the body; `state` is the reason."""
        self.state = state


class ReceivedBytes:
    """Stands in for the socket: the parser reads the received bytes, then the end or an error."""

    def __init__(self, request: ArrivingRequest) -> None:
        self._bytes = bytes(request.received)
        self._place = 0
        self._state = request.state

    def recv(self, size: int) -> bytes:
        """The next bytes; empty at the end. Raises BodyTooLarge or TimeoutError for a missing rest.

        Never blocks.
        """
        if size <= _PARSERS_READ_BYTES:
            size = min(size, SMALL_READ_BYTES)
        piece = self._bytes[self._place : self._place + size]
        self._place += len(piece)
        if piece or self._state in (State.WHOLE, State.BROKEN_OFF):
            return piece
        if self._state is State.TOO_LARGE:
            raise BodyTooLarge
        # With this errno gunicorn treats the error as the client's and logs no traceback.
        raise TimeoutError(errno.ENOTCONN, "the request did not arrive in time")
