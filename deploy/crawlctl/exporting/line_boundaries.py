"""Finds the end of the last complete line in a stream of bytes."""

import re

from crawlctl.failures import CommandFailed

LINE_BYTES = 2 * 2**20  # limit of a line; the longest line of the API has less than 1 MiB
_QUOTES_AND_ENDS = re.compile(rb'["\n]')
_QUOTE = ord('"')


def check_length(size: int) -> None:
    """Raise CommandFailed if an incomplete line is longer than a line of an export can be.

    Without this check, a response without line feeds would fill the memory or the disk.
    """
    if size > LINE_BYTES:
        raise CommandFailed(f"A line of the answer has more than {LINE_BYTES:,} bytes.")


class LineBoundaries:
    """Finds complete lines in a stream. In CSV, a line feed between two quotes is part of a cell.

    - `last_begin`, `complete`: the offsets at which the last complete line begins and ends.
    - `lines`: the number of complete lines.
    """

    def __init__(self, *, has_quotes: bool) -> None:
        self._has_quotes = has_quotes
        self._is_quoted = False
        self._offset = 0
        self.complete = 0
        self.last_begin = 0
        self.lines = 0

    def begin(self, complete: int, last_begin: int, lines: int) -> None:
        """Continue after the complete line that ends at the offset `complete`."""
        self._offset = self.complete = complete
        self.last_begin, self.lines = last_begin, lines

    def feed(self, piece: bytes) -> None:
        """Process the next bytes of the stream. The time is linear in the number of bytes."""
        if not self._is_quoted and not (self._has_quotes and b'"' in piece):
            self._feed_plain(piece)
        else:
            self._feed_quoted(piece)
        self._offset += len(piece)
        check_length(self._offset - self.complete)

    @property
    def has_incomplete_line(self) -> bool:
        """Whether bytes follow the last complete line."""
        return self._offset > self.complete

    def _feed_plain(self, piece: bytes) -> None:
        last = piece.rfind(b"\n")
        if last < 0:
            return
        before = piece.rfind(b"\n", 0, last)
        self.last_begin = self.complete if before < 0 else self._offset + before + 1
        self.complete = self._offset + last + 1
        self.lines += piece.count(b"\n")

    def _feed_quoted(self, piece: bytes) -> None:
        for found in _QUOTES_AND_ENDS.finditer(piece):
            if piece[found.start()] == _QUOTE:
                self._is_quoted = not self._is_quoted
            elif not self._is_quoted:
                self.last_begin, self.complete = self.complete, self._offset + found.end()
                self.lines += 1
