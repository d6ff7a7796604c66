"""The progress of an export on standard error: one changing line on a terminal, else new lines."""

import sys
import time

from crawlctl.session import Session

TERMINAL_SECONDS, FILE_SECONDS = 0.5, 30.0


class Progress:
    """Shows the number of lines, and the rate since the first call of `show`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_terminal = sys.stderr.isatty() and not session.quiet
        self._began = self._shown_at = time.monotonic()
        self._first: int | None = None

    def show(self, lines: int) -> None:
        """Show the number of lines, if it was last shown long enough ago."""
        if self._first is None:
            self._first = lines
        now = time.monotonic()
        if now - self._shown_at < (TERMINAL_SECONDS if self._is_terminal else FILE_SECONDS):
            return
        self._shown_at = now
        rate = (lines - self._first) / max(now - self._began, 0.001)
        text = f"{lines:,} lines, {rate:,.0f} a second"
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        else:
            self._session.say(text)

    def note(self, text: str) -> None:
        """Write a sentence on its own line."""
        self.clear()
        self._session.say(text)

    def clear(self) -> None:
        """Remove the line of the progress from a terminal."""
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
