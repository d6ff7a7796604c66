"""Whether a database shows any sign of life while it owes us a reply.

A slow statement and a dead server look the same from a connection that waits. So we ask over
another one: when that gets no answer either, there is nothing to wait for.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from crawljobs import errors

# Together below the two seconds within which a dead database is to be noticed.
LATE_SECONDS = 0.4  # most replies come sooner, and cost no question
ANSWER_SECONDS = 1.2
AGAIN_SECONDS = 1.0  # between two questions
# An error after this is one of our own limits (see limits.PROBING), the shortest of which is 0.7 s.
OWN_LIMIT_SECONDS = 0.6


class ServerLiveness:
    """At most one question is under way, whoever waits for its answer."""

    def __init__(self, ask: Callable[[], None]) -> None:
        """`ask` returns or raises DatabaseUnavailable, within a few seconds."""
        self._ask = ask
        self._lock = threading.Lock()
        self._is_asking = False
        self._asked_at = self._ended_at = -math.inf
        self._silent_since: float | None = None  # the first of the questions in vain

    def is_lost(self) -> bool:
        """Never waits. An error is an answer too: then each connection learns of its own fate."""
        with self._lock:
            now = time.monotonic()
            if not self._is_asking:
                if now > self._ended_at + AGAIN_SECONDS:
                    self._silent_since = None  # it was silent then; who knows now
                if now > self._asked_at + AGAIN_SECONDS:
                    self._is_asking, self._asked_at = True, now
                    self._silent_since = now if self._silent_since is None else self._silent_since
                    threading.Thread(target=self._question, name="pulse", daemon=True).start()
            return self._silent_since is not None and now > self._silent_since + ANSWER_SECONDS

    def _question(self) -> None:
        is_answered = False
        try:
            self._ask()
            is_answered = True
        except errors.DatabaseUnavailable:
            is_answered = time.monotonic() < self._asked_at + OWN_LIMIT_SECONDS
        finally:
            with self._lock:
                self._is_asking, self._ended_at = False, time.monotonic()
                if is_answered:
                    self._silent_since = None
