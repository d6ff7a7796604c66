"""Run short tasks at fixed intervals of the monotonic clock, one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crawljobs.runtime import jitter

JITTER = 0.1  # share of the interval: workers that start together must not sweep together


@dataclass(frozen=True)
class PeriodicTask:
    """A task and the seconds between the end of one run and the next."""

    task: Callable[[], object]
    seconds: float


class PeriodicTasks(threading.Thread):
    """Runs every task at once and then at its interval; changes of the wall clock have no effect.

    A task must handle its own errors: a task that raises ends this thread.
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
