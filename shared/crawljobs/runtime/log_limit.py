"""Limits the log lines that clients of a server can cause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

BURST_LINES = 20
LINES_PER_SECOND = 1.0


class LogLimit:
    """Allows BURST_LINES lines at once, and then LINES_PER_SECOND (a token bucket). Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._allowed = float(BURST_LINES)
        self._counted_at = clock()
        self._left_out = 0

    def lines_left_out(self) -> int | None:
        """Return None if the caller must not write a line now.

        If the caller may write a line, return the number of lines that were left out since the last
        written line.
        """
        with self._lock:
            now = self._clock()
            gained = max(0.0, now - self._counted_at) * LINES_PER_SECOND
            self._allowed = min(float(BURST_LINES), self._allowed + gained)
            self._counted_at = now
            if self._allowed < 1.0:
                self._left_out += 1
                return None
            self._allowed -= 1.0
            left_out, self._left_out = self._left_out, 0
            return left_out
