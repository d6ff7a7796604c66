"""Try many mutants concurrently, until all are tried or the time is over."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from mutants import equivalents, trial
from mutants.checkout import Checkout, scratch
from mutants.choosing import Choice
from mutants.mutant import Mutant
from mutants.trial import Status, Trial

TRIES = 4  # of a mutant; each new try leaves out a test that fails without a mutant too
Tell = Callable[[Trial], None]


@dataclass(frozen=True)
class Task:
    mutant: Mutant
    tests: tuple[str, ...]
    seconds: float  # the time of the tests without a mutant
    rest: tuple[str, ...] = ()  # tests that run if the mutant survives the other tests
    rest_seconds: float = 0.0


def as_task(mutant: Mutant, choice: Choice) -> Task:
    return Task(mutant, choice.tests, choice.seconds, choice.rest, choice.rest_seconds)


class Session:
    """Tries mutants in several copies of the project. Each copy has one mutant at a time."""

    def __init__(self, *, jobs: int = 1) -> None:
        self._jobs = jobs
        self._copies: queue.SimpleQueue[Checkout] = queue.SimpleQueue()
        self._good: set[str] = set()
        self._bad: set[str] = set()  # tests that fail without a mutant: they no longer run
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Session]:
        with contextlib.ExitStack() as stack:
            for _ in range(self._jobs):
                self._copies.put(stack.enter_context(scratch()))
            yield self

    def try_all(
        self, tasks: Sequence[Task], *, minutes: float = float("inf"), tell: Tell = lambda _: None
    ) -> list[Trial]:
        """Return the trials in the order of the tasks. Tasks not begun in time have no trial."""
        until = time.monotonic() + 60 * minutes
        is_interrupted = threading.Event()

        def attempt(task: Task) -> Trial | None:
            if time.monotonic() > until or is_interrupted.is_set():
                return None
            with self._copy() as copy:
                done = self._attempt(copy, task)
            with self._lock:
                tell(done)
            return done

        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                return [done for done in pool.map(attempt, tasks) if done is not None]
            except BaseException:
                is_interrupted.set()  # no new trials; the copies are deleted after the running ones
                raise

    def _attempt(self, copy: Checkout, task: Task) -> Trial:
        done = self._attempt_on(copy, task)
        if done.status is Status.SURVIVED and task.rest:
            rest = self._attempt_on(copy, replace(task, tests=task.rest, seconds=task.rest_seconds))
            done = replace(rest, seconds=done.seconds + rest.seconds, tests=done.tests + rest.tests)
        reason = equivalents.reason(task.mutant)
        if done.status is Status.SURVIVED and reason:
            return replace(done, status=Status.EQUIVALENT, reason=reason)
        return done

    def _attempt_on(self, copy: Checkout, task: Task) -> Trial:
        for _ in range(TRIES):
            done = trial.attempt(
                copy, task.mutant, task.tests, seconds=task.seconds, without=sorted(self._bad)
            )
            if done.status is not Status.KILLED or self._passes_unchanged(copy, done.by):
                break
            self._bad.add(done.by)
        else:
            return replace(done, status=Status.FLAKY)
        return done

    def _passes_unchanged(self, copy: Checkout, test: str) -> bool:
        """Return whether a test passes without a mutant. Each test runs only once for this."""
        if "::" not in test or test in self._good:
            return True
        ran = trial.run(copy, [test], seconds=trial.START_SECONDS + 2 * trial.TEST_SECONDS)
        if ran.code == 0:
            self._good.add(test)
        return ran.code == 0

    @contextlib.contextmanager
    def _copy(self) -> Iterator[Checkout]:
        copy = self._copies.get()
        try:
            yield copy
        finally:
            self._copies.put(copy)
