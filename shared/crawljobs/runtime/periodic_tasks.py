"""Runs short tasks at their own pace by the monotonic clock, one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crawljobs.runtime import jitter

JITTER = 0.1  # so that many workers started together do not sweep together


@dataclass(frozen=True)
class PeriodicTask:
    """A task and the seconds from one run of it to the next."""

    task: Callable[[], object]
    seconds: float


class PeriodicTasks(threading.Thread):
    """Every beat runs at once and then at its pace, whatever the host's wall clock does.

    A task answers for its own errors: one that raises ends the heartbeat.
    """

    def __init__(self, beats: Sequence[PeriodicTask]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._beats = tuple(beats)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        due = dict.fromkeys(self._beats, time.monotonic())
        while not self._stopping.is_set():
            beat = min(due, key=lambda one: due[one])
            if self._stopping.wait(max(0.0, due[beat] - time.monotonic())):
                return
            beat.task()
            spread = jitter.uniform(1 - JITTER, 1 + JITTER)
            due[beat] = time.monotonic() + beat.seconds * spread
