"""Detect a dead database server while a connection waits for a reply.

A waiting connection cannot distinguish a slow statement from a dead server. So another connection
sends a query. If the query gets no answer, the server is dead, and the first connection stops
waiting.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from crawljobs import errors

# A connection that waits longer than LATE_SECONDS for a reply starts a check of the server. Most
# replies come sooner. If the check's query gets no answer within ANSWER_SECONDS, the server is
# dead. The sum of both times is less than 2 s, because a dead server must be detected within 2 s
# (decision 56).
LATE_SECONDS = 0.4
ANSWER_SECONDS = 1.2
AGAIN_SECONDS = 1.0  # the shortest time between the starts of two queries
# If the query of the check fails within OWN_LIMIT_SECONDS, the error is taken as an answer of the
# server. A later error may come from one of the client's own timeouts, so it is no sign that the
# server lives. The shortest of these timeouts is 0.7 s (timeouts.PROBE_TIMEOUTS).
OWN_LIMIT_SECONDS = 0.6


class ServerLiveness:
    """Checks whether the server is alive, for all waiting connections, one query at a time."""

    def __init__(self, check: Callable[[], None]) -> None:
        """`check` sends a query. Within a few seconds, it returns or raises DatabaseUnavailable."""
        self._check = check
        self._lock = threading.Lock()
        self._is_asking = False
        self._asked_at = self._ended_at = -math.inf
        self._silent_since: float | None = None  # start of the first unanswered query

    def is_lost(self) -> bool:
        """Return whether the server is dead. Does not wait, because a thread sends a test query.

        A server that answers the test query with an error, for example during a shutdown, is not
        dead. Such a server also sends an error to each waiting connection, so all waits end.
        """
        with self._lock:
            now = time.monotonic()
            if not self._is_asking:
                if now > self._ended_at + AGAIN_SECONDS:
                    self._silent_since = None  # after the last query, the server may have recovered
                if now > self._asked_at + AGAIN_SECONDS:
                    self._asked_at = now
                    self._start_query(now)
            return self._silent_since is not None and now > self._silent_since + ANSWER_SECONDS

    def _start_query(self, now: float) -> None:
        query = threading.Thread(target=self._question, name="server-liveness", daemon=True)
        try:
            query.start()
        except RuntimeError:
            return  # this process cannot start a thread, but the server may be alive
        self._is_asking = True
        self._silent_since = now if self._silent_since is None else self._silent_since

    def _question(self) -> None:
        is_answered = False
        try:
            self._check()
            is_answered = True
        except errors.DatabaseUnavailable:
            is_answered = time.monotonic() < self._asked_at + OWN_LIMIT_SECONDS
        finally:
            with self._lock:
                self._is_asking, self._ended_at = False, time.monotonic()
                if is_answered:
                    self._silent_since = None
