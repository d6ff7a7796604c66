"""The progress of an export: the number of lines, and the rate."""

import time

from crawlctl.output.progress_line import ProgressLine
from crawlctl.session import Session


class Progress(ProgressLine):
    """Shows the number of lines, and the rate since the first call of `show_lines`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._began = time.monotonic()
        self._first: int | None = None

    def show_lines(self, lines: int) -> None:
        """Show the number of lines, unless the last number was shown a short time ago."""
        if self._first is None:
            self._first = lines
        if self.is_due():
            rate = (lines - self._first) / max(time.monotonic() - self._began, 0.001)
            self.show(f"{lines:,} lines, {rate:,.0f} a second")
