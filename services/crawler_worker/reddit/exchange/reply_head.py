"""Reads the head of a reply more strictly than the standard library does.

The length of the head is limited, and only valid chunk sizes are accepted.
"""

from __future__ import annotations

import http.client
import re
from typing import Any

# The maximum size of a head together with all informational replies before the head. Reddit's head
# has about 3 KiB.
HEAD_MAX_BYTES = 64 * 1024
SWITCHING_PROTOCOLS = 101

# A pattern for valid chunk sizes. The standard library parses a chunk size with int(), which
# accepts "-1". After "-1", the library would read until the connection closes.
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}[ \t]*")
_LINE_MAX = 64 * 1024


class ReplyHead(http.client.HTTPResponse):
    """The head of a reply. Informational replies, such as 103, are skipped.

    If a 103 were not skipped, the client would use it as the reply to its request. The client would
    then use the real reply as the reply to its next request.
    """

    def begin(self) -> None:
        lines = _LimitedLines(self.fp)
        self.fp = lines  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is not None:  # None if the standard library closed the connection
                self.fp = lines.file

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == SWITCHING_PROTOCOLS:
                return version, status, reason
            while self.fp.readline(_LINE_MAX + 1) not in (b"\r\n", b"\n", b""):
                pass

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(_LINE_MAX + 1)
        size = line.partition(b";")[0].rstrip(b"\r\n")
        if len(line) > _LINE_MAX or _CHUNK_SIZE.fullmatch(size) is None:
            self._close_conn()  # type: ignore[attr-defined]
            raise ValueError("invalid chunk size")
        return int(size, 16)


class _LimitedLines:
    """Reads the lines of a head. Raises LineTooLong if the head is longer than HEAD_MAX_BYTES."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self._left = HEAD_MAX_BYTES

    def readline(self, limit: int) -> bytes:
        line: bytes = self.file.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise http.client.LineTooLong("head")
        return line

    def close(self) -> None:
        self.file.close()
