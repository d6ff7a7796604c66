"""Runs the periodic sweeps. A sweep may run twice, or in many workers at once, without harm."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from crawler_worker.maintenance import (
    author_pruning,
    clock_mending,
    content_retention,
    history_recording,
    map_updating,
    operation_running,
    priority_aging,
    requeueing,
    revisiting,
)
from crawler_worker.maintenance.author_pruning import AuthorPruning
from crawler_worker.maintenance.chunked_sweeps import ChunkedSweeps
from crawler_worker.maintenance.content_retention import ContentRetention
from crawler_worker.maintenance.history_recording import HistoryRecording
from crawler_worker.maintenance.map_updating import MapUpdating
from crawler_worker.maintenance.operation_running import OperationRunning
from crawler_worker.maintenance.pruning import Pruning
from crawler_worker.maintenance.rescuing import Rescuing
from crawler_worker.maintenance.revisiting import Revisiting
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.repository.operations import task_turns
from crawljobs.repository.queue.maintenance import count_merging
from crawljobs.runtime import logs
from crawljobs.runtime.periodic_tasks import PeriodicTask, PeriodicTasks
from crawljobs.settings import QueueSettings, RetentionSettings

log = logs.get_logger(__name__)

# When the number of finished jobs changes, a trigger inserts a row with the difference.
# merge_counts adds the rows to the counts at this interval. Between two merges, a reader of the
# counts must add the rows itself, some thousands at most.
MERGE_COUNTS_SECONDS = 15.0
KEEP_CONTENT = RetentionSettings()


class Maintenance:
    """Runs the tasks requeue, rescue, mend, operate, age, merge_counts, prune, revisits, map,
    erase_old_content, prune_authors and record_history.

    Each task has its own interval, and returns the number of changed rows.
    """

    def __init__(
        self,
        database: Database,
        settings: QueueSettings,
        revisits: Revisiting | None = None,
        retention: RetentionSettings = KEEP_CONTENT,
        history: HistoryRecording | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._revisits = revisits
        self._stopping = threading.Event()
        self._sweeps = ChunkedSweeps(database, self._stopping)
        self._mending = clock_mending.ClockMending(database, retry=settings.retry)
        self._pruning = Pruning(database, settings, self._stopping)
        self._retention = ContentRetention(database, retention, self._stopping)
        self._authors = AuthorPruning(database, retention, self._stopping)
        self._rescuing = Rescuing(database, settings, self._stopping)
        self._operations = OperationRunning(database, self._stopping)
        self._history = history or HistoryRecording(database)
        share = settings.map_core_share
        self._map = MapUpdating(database, self._stopping, core_share=share) if share else None
        # The timer of these urgent tasks uses the monotonic clock. APScheduler uses the wall clock.
        # If the host's clock is set back by an hour, APScheduler runs no task for an hour (decision
        # 15).
        self._periodic = PeriodicTasks(
            [
                PeriodicTask(self._guarded(self.requeue), settings.requeue_seconds),
                PeriodicTask(self._guarded(self.rescue), settings.rescue_seconds),
                PeriodicTask(self._guarded(self.mend), clock_mending.EVERY_SECONDS),
            ]
        )
        # Operations have their own thread. Otherwise a large operation would delay rescue.
        self._operating = PeriodicTasks(
            [PeriodicTask(self._guarded(self.operate), operation_running.EVERY_SECONDS)]
        )
        # The links of a large subreddit take a second, so the map has its own thread too.
        self._mapping = PeriodicTasks(
            [PeriodicTask(self._guarded(self.update_map), map_updating.EVERY_SECONDS)]
        )
        # No long task may delay the history's row of a minute, so the history has its own thread.
        self._recording = PeriodicTasks(
            [PeriodicTask(self._guarded(self.record_history), history_recording.EVERY_SECONDS)]
        )
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            # Long tasks have their own thread. Otherwise a long run of `prune` would delay `age`.
            executors={"default": ThreadPoolExecutor(1), "prune": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Start the threads. Each task runs once at the start. Otherwise a process that restarts
        often would never run a task with a long interval."""
        settings, revisits = self._settings, self._revisits
        checks = (revisits.check_due, revisits.check_stale) if revisits else ()
        long_tasks = (self.prune, self.erase_old_content, self.prune_authors)
        for task, seconds in (
            *((check, revisiting.CHECK_SECONDS) for check in checks),
            (self.age, settings.aging_every.total_seconds()),
            (self.merge_counts, MERGE_COUNTS_SECONDS),
            (self.prune, settings.maintenance_every.total_seconds()),
            (self.erase_old_content, content_retention.EVERY.total_seconds() / 4),
            (self.prune_authors, author_pruning.CHECK_SECONDS),
        ):
            self._scheduler.add_job(
                self._guarded(task),
                "interval",
                seconds=seconds,
                jitter=seconds * 0.1,
                executor="prune" if task in long_tasks else "default",
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()
        self._periodic.start()
        self._operating.start()
        self._mapping.start()
        self._recording.start()

    def seconds_since_beat(self) -> float:
        """Return 0 while the threads of the sweeps run, and infinity after one has ended."""
        threads = (self._periodic, self._operating, self._mapping, self._recording)
        return 0.0 if all(thread.is_alive() for thread in threads) else math.inf

    def stop(self) -> None:
        """Make each sweep stop after its current chunk. Returns at once, before the threads end."""
        self._stopping.set()
        self._periodic.stop()
        self._operating.stop()
        self._mapping.stop()
        self._recording.stop()
        self._scheduler.shutdown(wait=False)

    def requeue(self) -> int:
        """Requeue waiting jobs that are due, and jobs whose reason to wait has ended."""
        return requeueing.requeue(self._sweeps)

    def mend(self) -> int:
        """Correct timestamps that are in the future because the database clock was set back."""
        return self._mending.run()

    def rescue(self) -> int:
        """Take jobs from workers that died or make no progress."""
        return self._rescuing.run()

    def operate(self) -> int:
        """Continue the operations. An operation is a large change, made in chunks of rows."""
        return self._operations.run()

    def update_map(self) -> int:
        """Compute the map's links and communities, unless MAP_CORE_SHARE is 0."""
        return self._map.run() if self._map else 0

    def age(self) -> int:
        """Raise the priority of jobs that have waited for a long time."""
        return priority_aging.age(self._sweeps, self._settings.aging)

    def merge_counts(self) -> int:
        """Update the counts of finished jobs by the changes that triggers have stored as rows.

        The statement does not need RowIsolation, which skips faulty rows, because no single row can
        make this statement fail.
        """
        merged = 0
        while not self._stopping.is_set():
            count = self._database.run(count_merging.merge_counts)
            merged += count
            if count < count_merging.CHUNK:
                break
        return merged

    def prune(self) -> int:
        """Delete old rows, if no worker has deleted old rows within `maintenance_every`."""
        every = self._settings.maintenance_every
        # A worker may prune again after 80 % of the interval. Otherwise a timer that fires a little
        # early, because of its jitter, would do nothing, and prune would run an interval too late.
        pace = every - timedelta(seconds=every.total_seconds() * 0.2)
        if not self._database.run(
            lambda conn: task_turns.take_turn(conn, task="prune", every=pace)
        ):
            return 0
        return self._pruning.run()

    def erase_old_content(self) -> int:
        """Erase content after its retention time, and content of private and banned subreddits."""
        return self._retention.run()

    def prune_authors(self) -> int:
        """Delete the accounts without stored posts and comments."""
        return self._authors.run()

    def record_history(self) -> int:
        """Store the counted requests. Store the last minute's row if no worker has stored it."""
        return self._history.run()

    def _guarded(self, task: Callable[[], int]) -> Callable[[], None]:
        def run() -> None:
            try:
                task()
            except errors.DatabaseUnavailable as error:
                log.warning("maintenance.postponed", task=task.__name__, reason=str(error))
            except Exception:  # other tasks and later runs of this task must continue
                log.exception("maintenance.failed", task=task.__name__)

        run.__name__ = task.__name__
        return run
