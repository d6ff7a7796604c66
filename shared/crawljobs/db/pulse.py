"""Whether a database shows any sign of life while it owes us a reply.

A slow statement and a dead server look the same from a connection that waits. So we ask over
another one: when that gets no answer either, there is nothing to wait for.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from crawljobs import errors

# Together below the two seconds within which a dead database is to be noticed.
LATE_SECONDS = 0.4  # most replies come sooner, and cost no question
ANSWER_SECONDS = 1.2
AGAIN_SECONDS = 1.0  # between two questions


class Pulse:
    """At most one question is under way, whoever waits for its answer."""

    def __init__(self, ask: Callable[[], None]) -> None:
        """`ask` returns or raises DatabaseUnavailable, within a few seconds."""
        self._ask = ask
        self._lock = threading.Lock()
        self._is_asking = False
        self._asked_at = 0.0

    def is_lost(self) -> bool:
        """Never waits. An error is an answer: then each connection learns of its own fate."""
        with self._lock:
            since = time.monotonic() - self._asked_at
            if self._is_asking:
                return since > ANSWER_SECONDS
            if since > AGAIN_SECONDS:
                self._is_asking = True
                self._asked_at = time.monotonic()
                threading.Thread(target=self._question, name="pulse", daemon=True).start()
            return False

    def _question(self) -> None:
        try:
            with contextlib.suppress(errors.DatabaseUnavailable):
                self._ask()
        finally:
            with self._lock:
                self._is_asking = False
