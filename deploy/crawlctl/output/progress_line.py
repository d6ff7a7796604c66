"""The progress of a command on standard error: one changing line on a terminal, else new lines."""

import sys
import time

from crawlctl.session import Session

TERMINAL_SECONDS, FILE_SECONDS = 0.5, 30.0
_EMPTY_LINE = "\r\x1b[K"  # moves the cursor to the left, and clears the line


class ProgressLine:
    """The progress of one command on standard error. With -q, the object writes nothing."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_terminal = sys.stderr.isatty() and not session.quiet
        self._shown_at = time.monotonic()
        self._is_shown = False  # whether the line is on a terminal now

    def is_due(self) -> bool:
        """Return whether enough time has passed since the progress was last shown."""
        seconds = TERMINAL_SECONDS if self._is_terminal else FILE_SECONDS
        return time.monotonic() - self._shown_at >= seconds

    def show(self, text: str) -> None:
        """Replace the text of the line. Without a terminal, write the text on a new line."""
        self._shown_at = time.monotonic()
        if self._is_terminal:
            self._is_shown = True
            sys.stderr.write(_EMPTY_LINE + text)
            sys.stderr.flush()
        else:
            self._session.say(text)

    def note(self, text: str) -> None:
        """Write a sentence on a line that stays."""
        self.clear()
        self._session.say(text)

    def clear(self) -> None:
        """Remove the line from a terminal, so that other output can follow."""
        if self._is_shown:
            self._is_shown = False
            sys.stderr.write(_EMPTY_LINE)
            sys.stderr.flush()
