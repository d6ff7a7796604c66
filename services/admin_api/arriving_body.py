"""Where the body of a request ends, found in the bytes that have arrived.

Only found: how it is to be understood is the parser's business. What is unclear counts as ended,
for the parser to refuse.
"""

from __future__ import annotations

import re
from typing import Protocol

BODY_BYTES = 1024 * 1024 + 64 * 1024  # of the largest body, and what cutting it into chunks adds
_FIELD = re.compile(rb"\r\n(content-length|transfer-encoding):[ \t]*([^\r\n]*)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,1000}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?")
_LINE_BYTES = 8_192  # of a chunk's size with its extensions


class BodyEnd(Protocol):
    is_too_large: bool
    is_clear: bool  # else the place after it is not that of the next request

    def find(self, received: bytearray) -> int | None:
        """The place after the body; None when more has to come."""


class Unclear:
    """For the parser to refuse, without waiting for more."""

    is_too_large = False
    is_clear = False

    def find(self, received: bytearray) -> int:
        return len(received)


class KnownLength:
    is_clear = True

    def __init__(self, begin: int, length: int) -> None:
        self.is_too_large = length > BODY_BYTES
        self._end = begin + length

    def find(self, received: bytearray) -> int | None:
        return self._end if len(received) >= self._end else None


class Chunks:
    """Each byte is looked at once, however they arrive."""

    def __init__(self, begin: int) -> None:
        self.is_too_large = False
        self.is_clear = True
        self._begin = begin
        self._place = begin  # of the next size, or of the trailers
        self._is_in_trailers = False

    def find(self, received: bytearray) -> int | None:
        end = self._find(received)
        # Of what has come, or by the size of the chunk that is coming.
        self.is_too_large = max(len(received), self._place) > self._begin + BODY_BYTES
        return end

    def _find(self, received: bytearray) -> int | None:
        while not self._is_in_trailers:
            line_end = received.find(b"\r\n", self._place)
            if line_end < 0:
                self.is_clear = len(received) - self._place <= _LINE_BYTES
                return None if self.is_clear else len(received)
            size = _SIZE.fullmatch(received, self._place, line_end)
            if size is None or line_end - self._place > _LINE_BYTES:
                self.is_clear = False
                return len(received)
            length = int(size[1], 16)
            self._place = line_end + 2 + (length + 2 if length else 0)
            self._is_in_trailers = not length
        if received.startswith(b"\r\n", self._place):
            return self._place + 2
        end = received.find(b"\r\n\r\n", self._place)
        return None if end < 0 else end + 4


def expected(head: bytes) -> BodyEnd | None:
    """None when the head announces no body."""
    fields = [(found[1].lower(), found[2].strip(b" \t")) for found in _FIELD.finditer(head)]
    if not fields:
        return None
    name, value = fields[0]
    if len(fields) == 1 and name == b"content-length" and _DIGITS.fullmatch(value):
        return KnownLength(len(head), int(value))
    if len(fields) == 1 and name == b"transfer-encoding" and value.lower() == b"chunked":
        return Chunks(len(head))
    return Unclear()
