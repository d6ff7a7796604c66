"""Receive hints, which are notifications of changed schedules, and wake the timetable.

The timetable then checks the due times at once. Without a hint, the timetable wakes at the next due
time that it knows, and at least every `tick_seconds`. So schedules also fire without hints.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from crawljobs import errors
from crawljobs.db.direct import DirectConnection
from crawljobs.repository import scheduler_hint
from crawljobs.runtime import backoff, logs, metrics

log = logs.get_logger(__name__)

PING_SECONDS = 30.0  # time between two pings; only a round trip detects a broken connection
DEADLINE_SECONDS = 5.0
RECONNECT_SECONDS = 0.1  # the first pause before a new connection; each failure doubles the pause
RECONNECT_MAX_SECONDS = 30.0
# If a connection has lasted this long, the pause after its end is RECONNECT_SECONDS again.
STEADY_SECONDS = 10.0


class Hints(threading.Thread):
    """Calls `on_hint` after every notification and after every new connection."""

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
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._serve()
            except errors.DatabaseUnavailable as error:
                log.warning("hints.disconnected", reason=str(error))
            except Exception:  # a failure of hints must not stop the scheduler
                log.exception("hints.failed")
            failures = 1 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            pause = backoff.pause_seconds(
                failures, first=RECONNECT_SECONDS, longest=RECONNECT_MAX_SECONDS
            )
            self._stopping.wait(pause)

    def _connect(self) -> DirectConnection:
        direct = DirectConnection(
            self._url,
            application_name=self._application_name,
            deadline_seconds=DEADLINE_SECONDS,
        )
        try:
            direct.listen(scheduler_hint.CHANNEL)
        except BaseException:
            direct.close()
            raise
        return direct

    def _serve(self) -> None:
        """Listen until `stop` is called. Raises DatabaseUnavailable when the connection breaks."""
        direct = self._connect()
        metrics.db_reconnects.inc(self._connections > 0)
        self._connections += 1
        try:
            self._on_hint()  # notifications may have been lost while there was no connection
            while not self._stopping.is_set():
                if direct.wait(PING_SECONDS, wake=self._wake_read):
                    self._on_hint()
                else:
                    # The connection listens already. So this second LISTEN changes nothing, and is
                    # only a ping.
                    direct.listen(scheduler_hint.CHANNEL)
        finally:
            direct.close()
