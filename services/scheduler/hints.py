"""Hears of schedules that are due earlier than before, so that a sleeping timetable looks at once.

Only a hint: without it the timetable wakes at the next due time it knew, one tick at most.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from crawljobs import errors, jitter, logs, metrics
from crawljobs.db.direct import DirectConnection
from crawljobs.repository import due_schedules

log = logs.get_logger(__name__)

PING_SECONDS = 30.0  # LISTEN dies silently: a round trip finds out
DEADLINE_SECONDS = 5.0
RECONNECT_MAX_SECONDS = 30.0


class Hints(threading.Thread):
    """Calls `on_hint` at every hint, and once after it had to connect again."""

    def __init__(self, url: str, *, name: str, on_hint: Callable[[], None]) -> None:
        super().__init__(name="hints", daemon=True)
        self._url = url
        self._application_name = f"{name} hints"[:63]  # PostgreSQL cuts longer names
        self._on_hint = on_hint
        self._connections = 0
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe()

    def stop(self) -> None:
        self._stopping.set()
        os.write(self._wake_write, b"x")

    def run(self) -> None:
        backoff = 0.1
        while not self._stopping.is_set():
            try:
                with_hints = self._connect()
                metrics.db_reconnects.inc(self._connections > 0)
                self._connections += 1
            except errors.DatabaseUnavailable as error:
                log.warning("hints.disconnected", reason=str(error))
                self._stopping.wait(jitter.uniform(backoff / 2, backoff))
                backoff = min(2 * backoff, RECONNECT_MAX_SECONDS)
                continue
            backoff = 0.1
            self._serve(with_hints)

    def _connect(self) -> DirectConnection:
        direct = DirectConnection(
            self._url,
            application_name=self._application_name,
            deadline_seconds=DEADLINE_SECONDS,
        )
        try:
            direct.listen(due_schedules.CHANNEL)
        except BaseException:
            direct.close()
            raise
        return direct

    def _serve(self, direct: DirectConnection) -> None:
        """Until the connection breaks or we are told to stop."""
        try:
            self._on_hint()  # whatever was announced while nobody listened
            while not self._stopping.is_set():
                if direct.wait(PING_SECONDS, wake=self._wake_read):
                    self._on_hint()
                else:
                    direct.listen(due_schedules.CHANNEL)  # harmless when it listens already
        except errors.DatabaseUnavailable as error:
            log.warning("hints.disconnected", reason=str(error))
        finally:
            direct.close()
