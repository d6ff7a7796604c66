"""Runs the resolver: the thread that starts and ends the steps of groups."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.repository.groups import lost_ends, settle, start
from crawljobs.repository.groups.lost_ends import Place
from crawljobs.repository.groups.settle import CHUNK, Settled
from crawljobs.repository.operations import task_turns
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolation
from crawljobs.runtime import jitter, logs

log = logs.get_logger(__name__)

# The longest pause between two runs of the resolver. A hint ends the pause earlier.
EVERY_SECONDS = 2.0
JITTER = 0.1
# The shortest pause between two runs. During a drain, each written batch of ended jobs wakes the
# resolver. Without the pause, the resolver would run all the time, with few rows in each run.
PAUSE_SECONDS = 0.1
# While this worker claims jobs without a pause, a resolver with a backlog works for this share of
# the time. More work of the resolver would slow the queue down (decision 133).
SHARE_OF_BACKLOG = 1 / 100
# The limit of the changes of one transaction while this worker claims jobs without a pause: a short
# transaction delays the claims less.
CHUNK_WHILE_CLAIMING = 200
# The longest pause of a resolver with a backlog while this worker claims. The pause ends earlier if
# the worker stops claiming.
BACKLOG_PAUSE_MAX_SECONDS = 10.0
# A worker counts as claiming for this time after its last claim.
CLAIMS_WITHIN_SECONDS = 0.2
# Once in this interval, one of all workers searches for upstreams (jobs, steps or groups) that have
# ended without a record of their end.
SEARCH_EVERY = timedelta(minutes=1)
# Each worker asks for the turn to search at this interval. So two searches are at most the sum of
# SEARCH_EVERY, ASK_EVERY_SECONDS and EVERY_SECONDS apart, also with one worker.
ASK_EVERY_SECONDS = 20.0

Resolve = Callable[..., Settled]


class StepResolver(threading.Thread):
    """Starts and ends the steps of all groups, every two seconds and after each hint.

    Any number of workers may run a resolver at the same time.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(name="step-resolver", daemon=True)
        self._database = database
        self._hint = threading.Event()
        self._stopping = threading.Event()
        self._ask_at = -math.inf  # next request for the turn to search, by the monotonic clock
        self._claimed_at = -math.inf  # time of the worker's last claim, by the monotonic clock
        self._has_backlog = False  # a run stopped before its end, because the worker claims jobs
        self._tasks: tuple[tuple[RowIsolation, Resolve], ...] = tuple(
            (RowIsolation(database, task=name, at_most=CHUNK), resolve)
            for name, resolve in (("settle", settle.settle), ("start", start.start))
        )

    def wake(self) -> None:
        """Let the thread run at once, because a step may have to be started or ended."""
        self._hint.set()

    def claimed(self) -> None:
        """Note that the worker has claimed jobs just now."""
        self._claimed_at = time.monotonic()

    def stop(self) -> None:
        self._stopping.set()
        self._hint.set()

    def seconds_since_beat(self) -> float:
        """Return 0 while the thread runs, and infinity after it has ended."""
        return 0.0 if self.is_alive() else math.inf

    def run(self) -> None:
        while not self._stopping.is_set():
            self._hint.clear()
            began = time.monotonic()
            self._guarded(self.resolve)
            # A backlog consists of recorded ends. A search would record these ends again.
            if not self._has_backlog:
                self._guarded(self.search)
            if self._has_backlog:
                self._give_way(time.monotonic() - began)
            else:
                self._stopping.wait(PAUSE_SECONDS)
                self._hint.wait(EVERY_SECONDS * jitter.uniform(1 - JITTER, 1 + JITTER))

    def _give_way(self, seconds: float) -> None:
        """Wait after a run that took `seconds`. If the worker stops claiming, end the wait."""
        pause = min(seconds * (1 / SHARE_OF_BACKLOG - 1), BACKLOG_PAUSE_MAX_SECONDS)
        until = time.monotonic() + pause
        self._stopping.wait(PAUSE_SECONDS)
        while self._is_claiming() and not self._stopping.is_set():
            left = until - time.monotonic()
            if left <= 0:
                break
            self._stopping.wait(min(left, PAUSE_SECONDS))

    def _is_claiming(self) -> bool:
        """Return whether the worker claims jobs without a pause."""
        return time.monotonic() - self._claimed_at < CLAIMS_WITHIN_SECONDS

    def resolve(self) -> int:
        """End steps and waits, and start ready steps. Returns the number of changes.

        Continues until nothing is left to do. If the worker claims jobs without a pause, stops
        after a full chunk, because claims are more urgent. Raises DatabaseUnavailable.
        """
        total, changed = 0, -1
        self._has_backlog = False
        while changed and not self._stopping.is_set() and not self._has_backlog:
            # Each round runs one chunk of each task, so a large group does not delay other groups.
            changed = sum(self._run(isolation, resolve) for isolation, resolve in self._tasks)
            total += changed
        return total

    def _may_continue(self, *, committed: bool) -> bool:
        """Return whether another transaction of the same task follows at once.

        - After a failed chunk: yes, with a smaller chunk.
        - After a committed full chunk: no. If the worker claims jobs, `_has_backlog` ends the run.
        """
        if committed:
            self._has_backlog = self._is_claiming()
            return False
        return not self._stopping.is_set()

    def search(self, *, at: float | None = None, now: datetime | None = None) -> int:
        """Record the ended upstreams for which steps still wait, unless a worker did so lately.

        Returns the number of recorded ends. Raises DatabaseUnavailable. Only tests pass the time of
        the monotonic clock (`at`) and the time of the database (`now`).
        """
        at = time.monotonic() if at is None else at
        if at < self._ask_at:
            return 0
        self._ask_at = at + ASK_EVERY_SECONDS
        if not self._database.run(lambda conn: _take_turn(conn, now)):
            return 0
        return self._search_jobs() + self._search_steps_and_groups()

    def _search_jobs(self) -> int:
        total = 0
        while not self._stopping.is_set():
            found = self._database.run(lambda conn: lost_ends.record_jobs(conn, at_most=CHUNK))
            total += found
            # Stop if `resolve` changes nothing: the next search would find the same ends again.
            if not self._resolve_found(found) or found < CHUNK:
                break
        return total

    def _search_steps_and_groups(self) -> int:
        total = 0
        place: Place | None = Place()
        while place is not None and not self._stopping.is_set():
            page = self._database.run(
                partial(lost_ends.record_steps_and_groups, after=place, at_most=CHUNK)
            )
            total += page.ends
            # The search of a page stops after CHUNK recorded ends. Then the page is searched again.
            if not self._resolve_found(page.ends) or page.ends < CHUNK:
                place = page.last
        return total

    def _resolve_found(self, found: int) -> int:
        """Resolve the `found` ends of upstreams. Returns 0 if this search must not be repeated."""
        if not found:
            return 0
        log.info("step.ends_found", count=found)
        changes = self.resolve()
        return 0 if self._has_backlog else changes

    def _run(self, isolation: RowIsolation, resolve: Resolve) -> int:
        """Run the task until one chunk is committed. Returns the number of changes."""
        last, committed = Settled(), False

        def change(conn: Connection, *, at_most: int, skip: int) -> int:
            nonlocal last
            limit = min(at_most, CHUNK_WHILE_CLAIMING) if self._is_claiming() else at_most
            last = resolve(conn, at_most=limit, skip=skip)
            # RowIsolation calls this function again only if the result is `at_most`, a full chunk.
            return at_most if last.more else min(last.changes, at_most - 1)

        def report() -> None:
            nonlocal committed
            committed = True
            _report(last)

        return isolation.run(
            change, then=report, may_continue=lambda: self._may_continue(committed=committed)
        )

    def _guarded(self, task: Callable[[], int]) -> None:
        try:
            task()
        except errors.DatabaseUnavailable as error:
            log.warning("maintenance.postponed", task=task.__name__, reason=str(error))
        except Exception:  # a failure of one run must not prevent the next run
            log.exception("maintenance.failed", task=task.__name__)


def _take_turn(conn: Connection, now: datetime | None) -> bool:
    return task_turns.take_turn(conn, task="search_steps", every=SEARCH_EVERY, now=now)


def _report(settled: Settled) -> None:
    """Log the result of a committed transaction."""
    if settled.steps:
        log.info("step.changed", count=len(settled.steps))
    for group in settled.finished:
        log.info(
            "group.finished",
            group_id=group.group_id,
            generation=group.generation,
            outcome=group.outcome.value,
        )
