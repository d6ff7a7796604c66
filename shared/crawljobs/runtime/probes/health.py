"""The liveness, startup and readiness checks of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crawljobs.runtime.probes.probe_server import NotWell, Page, check
from crawljobs.runtime.probes.readiness import Readiness


@dataclass(frozen=True)
class Watched:
    """A part of the process that reports beats, and the silence after which it counts as dead."""

    seconds_since_beat: Callable[[], float]  # on the monotonic clock
    limit: float  # seconds


class Health:
    """The checks of one process.

    Liveness never queries the database: else a short database outage would restart every process.
    """

    def __init__(
        self, *, readiness: Readiness, stopping: threading.Event, watched: Mapping[str, Watched]
    ) -> None:
        self._readiness = readiness
        self._stopping = stopping
        self._watched = watched
        self._started = threading.Event()

    def has_started(self) -> None:
        """Record that the schema is known and work begins; liveness checks start to apply."""
        self._started.set()

    def pages(self) -> dict[str, Page]:
        """The page of each probe path."""
        return {
            "/healthz": check(self.check_alive),
            "/readyz": check(self.check_ready),
            "/startupz": check(self.check_started),
        }

    def check_alive(self) -> None:
        """Raises NotWell when a watched part is silent for longer than its limit."""
        if not self._started.is_set() or self._stopping.is_set():
            return  # startup and shutdown have deadlines of their own, which end the process
        for name, watched in self._watched.items():
            silent = watched.seconds_since_beat()
            if silent > watched.limit:
                raise NotWell(f"no sign of life of the {name} for {silent:.0f} s")

    def check_ready(self) -> None:
        """Raises NotWell, DatabaseUnavailable or UnknownSchema when requests would fail."""
        if self._stopping.is_set():
            raise NotWell("shutting down")
        self.check_started()
        self._readiness.check()

    def check_started(self) -> None:
        """Raises NotWell until `has_started` was called."""
        if not self._started.is_set():
            raise NotWell("waiting for the database and its schema")
