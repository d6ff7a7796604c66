"""Finds the end of a request body in the received bytes.

gunicorn's parser reads the body afterwards. A body with an ambiguous end is treated as complete, so
that the parser receives it and refuses it.
"""

from __future__ import annotations

import re
from typing import Protocol

# Limit of a body in received bytes: 1 MiB of content, and 64 KiB for the size lines of the chunks.
BODY_BYTES = 1024 * 1024 + 64 * 1024
# Limit of a body that may list the steps of a group, in received bytes: 4 MiB of content, and
# 256 KiB for the size lines of the chunks.
LARGE_BODY_BYTES = 4 * BODY_BYTES
_TAKES_LARGE_BODY = re.compile(
    rb"(?:\r\n)?(?:POST /api/admin/(?:groups(?:/[0-9]+/steps)?|scheduled-jobs)"
    rb"|(?:PUT|PATCH) /api/admin/scheduled-jobs/[0-9]+)[ ?]"
)
_FIELD = re.compile(rb"\r\n(content-length|transfer-encoding):[ \t]*([^\r\n]*)", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]{1,1000}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})(?:[ \t]*;[^\r\n]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*")
_LINE_BYTES = 8_192  # maximum length of a line with a chunk's size, or of a trailer


class BodyEnd(Protocol):
    is_too_large: bool
    is_clear: bool  # False if the end of the body is ambiguous

    def find(self, received: bytearray) -> int | None:
        """Return the offset of the first byte after the body, or None while bytes are missing."""


class Unclear:
    """A body with an ambiguous end. It counts as complete, and gunicorn's parser refuses it."""

    is_too_large = False
    is_clear = False

    def find(self, received: bytearray) -> int:
        return len(received)


class KnownLength:
    is_clear = True

    def __init__(self, begin: int, length: int, *, most: int) -> None:
        self.is_too_large = length > most
        self._end = begin + length

    def find(self, received: bytearray) -> int | None:
        return self._end if len(received) >= self._end else None


class Chunks:
    """Finds the end of a chunked body. Reads each byte once, even if the body comes in pieces.

    The checks are as strict as RFC 9112, because gunicorn's parser does not check a body that no
    view reads. With weaker checks, a proxy could find a different end than this server. Then the
    server could treat a part of the body as a further request (request smuggling).
    """

    def __init__(self, begin: int, *, most: int) -> None:
        self.is_too_large = False
        self.is_clear = True
        self._begin = begin
        self._most = most  # maximum size of the body, in received bytes
        self._place = begin  # offset of the next line to read, or of the CRLF that ends a chunk
        self._searched = begin  # no CRLF starts between `_place` and this offset
        self._is_after_chunk = False
        self._is_in_trailers = False

    def find(self, received: bytearray) -> int | None:
        end = self._find(received)
        # While a chunk is incomplete, `_place` is the announced end of this chunk, after the last
        # received byte.
        self.is_too_large = max(len(received), self._place) > self._begin + self._most
        return end

    def _find(self, received: bytearray) -> int | None:
        while True:
            if self._is_after_chunk:
                line_end = received[self._place : self._place + 2]
                if line_end != b"\r\n":
                    return None if b"\r\n".startswith(line_end) else self._unclear(received)
                self._is_after_chunk = False
                self._move_to(self._place + 2)
            end = received.find(b"\r\n", self._searched)
            if (end if end >= 0 else len(received)) - self._place > _LINE_BYTES:
                return self._unclear(received)
            if end < 0:
                self._searched = max(self._place, len(received) - 1)
                return None
            line = bytes(received[self._place : end])
            self._move_to(end + 2)
            if self._is_in_trailers and not line:
                return self._place
            if not (self._take_trailer(line) if self._is_in_trailers else self._take_size(line)):
                return self._unclear(received)

    def _take_size(self, line: bytes) -> bool:
        size = _SIZE.fullmatch(line)
        length = int(size[1], 16) if size else 0
        self._is_after_chunk = length > 0
        self._is_in_trailers = not length
        self._move_to(self._place + length)
        return size is not None

    @staticmethod
    def _take_trailer(line: bytes) -> bool:
        return _TRAILER.fullmatch(line) is not None

    def _move_to(self, place: int) -> None:
        self._place = self._searched = place

    def _unclear(self, received: bytearray) -> int:
        self.is_clear = False
        return len(received)


def expected(head: bytes) -> BodyEnd | None:
    """Return an object that finds the end of the body, or None if the head announces no body."""
    fields = [(found[1].lower(), found[2].strip(b" \t")) for found in _FIELD.finditer(head)]
    if not fields:
        return None
    name, value = fields[0]
    most = LARGE_BODY_BYTES if _TAKES_LARGE_BODY.match(head) else BODY_BYTES
    if len(fields) == 1 and name == b"content-length" and _DIGITS.fullmatch(value):
        return KnownLength(len(head), int(value), most=most)
    if len(fields) == 1 and name == b"transfer-encoding" and value.lower() == b"chunked":
        return Chunks(len(head), most=most)
    return Unclear()
