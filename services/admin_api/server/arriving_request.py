"""A request as its bytes come in, head and body: no thread has to wait for any of them."""

from __future__ import annotations

import errno
import re
import time
from enum import Enum, auto

from admin_api.server import arriving_body, http_rules

HEAD_BYTES = 32 * 1024  # more than any browser or proxy sends
HEAD_SECONDS = 10.0  # from the first byte, or from the connection, to the end of the head
# A body has a moment, and then so much time as its bytes take at the lowest rate.
BODY_GRACE_SECONDS = 5.0
SILENCE_SECONDS = 10.0  # between two pieces of it
BODY_BYTES_PER_SECOND = 16 * 1024
# Small reads come from a parser that copies what it has not used yet, for each chunk of a body.
SMALL_READ_BYTES = 2_048
_PARSERS_READ_BYTES = 8_192
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
_WAITS_TO_SEND = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


class BodyTooLarge(Exception):
    """No route takes so much; not all of it was received."""


class State(Enum):
    HEAD = auto()
    BODY = auto()
    # Nothing more is waited for:
    WHOLE = auto()
    TOO_LARGE = auto()
    LATE = auto()
    BROKEN_OFF = auto()  # by the client


class ArrivingRequest:
    def __init__(self) -> None:
        self.received = bytearray()
        self.state = State.HEAD
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.behind = b""  # the beginning of the next request
        self._body: arriving_body.BodyEnd | None = None
        self._body_since = 0.0
        self._head_end = 0

    @property
    def is_over(self) -> bool:
        return self.state not in (State.HEAD, State.BODY)

    @property
    def may_be_followed(self) -> bool:
        """All of it is here, and where it ends is certain."""
        return self.state is State.WHOLE and (self._body is None or self._body.is_clear)

    @property
    def waits_to_send(self) -> bool:
        """The client sends its body when it is told to go on; one of HTTP/1.0 knows no such."""
        if self.state is not State.BODY or len(self.received) != self._head_end:
            return False
        speaks = self.received[: self.received.find(b"\r\n", 2)].endswith(b" HTTP/1.1")
        return speaks and _WAITS_TO_SEND.search(self.received) is not None

    def add(self, piece: bytes) -> None:
        """Raises http_rules.Refused when the head is too long."""
        before = len(self.received)
        self.received += piece
        if self.state is State.HEAD:
            self._look_for_end_of_head(before)
        if self.state is State.BODY and self._body is not None:
            self._look_for_end_of_body(self._body)

    def _look_for_end_of_head(self, before: int) -> None:
        begin = 2 if self.received.startswith(b"\r\n") else 0  # an empty line may come before it
        end = self.received.find(b"\r\n\r\n", max(begin, before - 3))
        if end >= 0:
            self._end_head(end + 4)
        elif _BARE_NEWLINE.search(self.received, before) or (
            self.received.startswith(b"\r\n", begin) and len(self.received) >= begin + 2
        ):
            self._body = arriving_body.Unclear()  # the parser will refuse it
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

    def _look_for_end_of_body(self, body: arriving_body.BodyEnd) -> None:
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
        """Wait no longer for the rest of its body."""
        self.state = state


class ReceivedBytes:
    """What the parser reads instead of a socket: what has come in, and then why no more will."""

    def __init__(self, request: ArrivingRequest) -> None:
        self._bytes = bytes(request.received)
        self._place = 0
        self._state = request.state

    def recv(self, size: int) -> bytes:
        """Never waits. Raises BodyTooLarge or TimeoutError when the rest was not waited for."""
        if size <= _PARSERS_READ_BYTES:
            size = min(size, SMALL_READ_BYTES)
        piece = self._bytes[self._place : self._place + size]
        self._place += len(piece)
        if piece or self._state in (State.WHOLE, State.BROKEN_OFF):
            return piece
        if self._state is State.TOO_LARGE:
            raise BodyTooLarge
        # The number tells gunicorn that this is the client's doing and needs no traceback.
        raise TimeoutError(errno.ENOTCONN, "the request did not arrive in time")
