"""Whether a process lives, has started and can work: what its probes ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crawljobs.runtime.probe_server import NotWell, Page, check
from crawljobs.runtime.readiness import Readiness


@dataclass(frozen=True)
class Watched:
    """A part that gives signs of life, and after how many silent seconds it counts as dead."""

    seconds_since_beat: Callable[[], float]  # on the monotonic clock
    limit: float


class Health:
    """Liveness never asks the database: its hiccup must not restart every process."""

    def __init__(
        self, *, readiness: Readiness, stopping: threading.Event, watched: Mapping[str, Watched]
    ) -> None:
        self._readiness = readiness
        self._stopping = stopping
        self._watched = watched
        self._started = threading.Event()

    def has_started(self) -> None:
        """The schema is known and work begins; before that only the start's own deadline counts."""
        self._started.set()

    def pages(self) -> dict[str, Page]:
        return {
            "/healthz": check(self.check_alive),
            "/readyz": check(self.check_ready),
            "/startupz": check(self.check_started),
        }

    def check_alive(self) -> None:
        if not self._started.is_set() or self._stopping.is_set():
            return  # both have deadlines of their own, at whose end the process ends
        for name, watched in self._watched.items():
            silent = watched.seconds_since_beat()
            if silent > watched.limit:
                raise NotWell(f"no sign of life of the {name} for {silent:.0f} s")

    def check_ready(self) -> None:
        if self._stopping.is_set():
            raise NotWell("shutting down")
        self.check_started()
        self._readiness.check()

    def check_started(self) -> None:
        if not self._started.is_set():
            raise NotWell("waiting for the database and its schema")
