"""Run short tasks regularly in one thread, one task at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crawljobs.runtime import jitter

# Each interval is longer or shorter at random, by at most this share. Otherwise workers that start
# at the same time would always run their tasks at the same time.
JITTER = 0.1


@dataclass(frozen=True)
class PeriodicTask:
    """A task, and the seconds from the end of one run to the start of the next run."""

    task: Callable[[], object]
    seconds: float


class PeriodicTasks(threading.Thread):
    """Runs every task at the start, and then again after its interval.

    Intervals are measured by the monotonic clock, so a change of the system time has no effect. A
    task must handle its errors, because an exception ends this thread.
    """

    def __init__(self, tasks: Sequence[PeriodicTask]) -> None:
        super().__init__(name="periodic-tasks", daemon=True)
        self._tasks = tuple(tasks)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        due = dict.fromkeys(self._tasks, time.monotonic())
        while not self._stopping.is_set():
            periodic = min(due, key=lambda task: due[task])
            if self._stopping.wait(max(0.0, due[periodic] - time.monotonic())):
                return
            periodic.task()
            spread = jitter.uniform(1 - JITTER, 1 + JITTER)
            due[periodic] = time.monotonic() + periodic.seconds * spread
