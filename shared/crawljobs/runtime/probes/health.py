"""The liveness, startup and readiness checks of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crawljobs.runtime.probes.probe_server import NotWell, Page, check
from crawljobs.runtime.probes.readiness import Readiness


@dataclass(frozen=True)
class Watched:
    """A part of the process that must report regularly that it works, such as a thread."""

    seconds_since_beat: Callable[[], float]  # seconds since the last report, by the monotonic clock
    limit: float  # after this many seconds without a report, the part is seen as dead


class Health:
    """The health checks of one process.

    The liveness check does not query the database. Otherwise Kubernetes would restart every process
    after a short database outage.
    """

    def __init__(
        self, *, readiness: Readiness, stopping: threading.Event, watched: Mapping[str, Watched]
    ) -> None:
        self._readiness = readiness
        self._stopping = stopping
        self._watched = watched
        self._started = threading.Event()

    def has_started(self) -> None:
        """Record that the schema is supported and work begins. From now on, liveness is checked."""
        self._started.set()

    def pages(self) -> dict[str, Page]:
        """Return the page for each path of the probe server."""
        return {
            "/healthz": check(self.check_alive),
            "/readyz": check(self.check_ready),
            "/startupz": check(self.check_started),
        }

    def check_alive(self) -> None:
        """Raise NotWell if a watched thread has made no progress for longer than its limit."""
        if not self._started.is_set() or self._stopping.is_set():
            return  # startup and shutdown have their own limits, which end a process that hangs
        for name, watched in self._watched.items():
            silent = watched.seconds_since_beat()
            if silent > watched.limit:
                raise NotWell(f"no sign of life of the {name} for {silent:.0f} s")

    def check_ready(self) -> None:
        """Raise NotWell, DatabaseUnavailable or UnknownSchema if the process cannot work now."""
        if self._stopping.is_set():
            raise NotWell("shutting down")
        self.check_started()
        self._readiness.check()

    def check_started(self) -> None:
        """Raise NotWell if `has_started` was not called yet."""
        if not self._started.is_set():
            raise NotWell("waiting for the database and its schema")
