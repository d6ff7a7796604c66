"""The loop of the scheduler: fire due schedules, then sleep until the next due time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from crawljobs import errors
from crawljobs.db.connection import IDLE_IN_TRANSACTION_SECONDS
from crawljobs.db.database import Connection, Database
from crawljobs.repository.operations import frozen_sessions
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolation
from crawljobs.repository.schedules import due_schedules, schedule_setbacks
from crawljobs.runtime import backoff, logs
from scheduler import firing_counters, firing_log, group_firing, schedule_firing
from scheduler.firing_results import Disabled, Fired, Stuck
from scheduler.firing_traces import FiringTraces
from scheduler.passed_over import PassedOver

log = logs.get_logger(__name__)

BATCH = 100  # limit of schedules in one transaction; after a crash, at most one batch is repeated
GROUP_BATCH = 5  # limit of schedules with steps in one transaction; each has up to 10,000 steps

# The shortest sleep. Without it, due schedules that another scheduler locks cause a busy loop.
LEAST_PAUSE_SECONDS = 0.1
BACKOFF_SECONDS = 0.5  # the pause after a database failure; each further failure doubles it
BACKOFF_MAX_SECONDS = 15.0


class Timetable:
    """Fires schedules until `stop` is set. Set `stop`, then call `wake()`: the loop ends at once.

    Several schedulers can run at the same time. Then the schedulers share the due schedules.
    """

    def __init__(
        self,
        database: Database,
        *,
        stop: threading.Event,
        tick_seconds: float = 60.0,
        default_max_retries: int = 3,
        frozen_after: timedelta = timedelta(seconds=IDLE_IN_TRANSACTION_SECONDS),
    ) -> None:
        self._database = database
        self._stop = stop
        self._tick_seconds = tick_seconds
        self._default_max_retries = default_max_retries
        self._frozen_after = frozen_after
        self._traces = FiringTraces()
        self._wake = threading.Event()
        self._beat_at = time.monotonic()
        self._ticked_at: float | None = None
        self._mended_at = float("-inf")
        self._mending = RowIsolation(
            database, task="mend schedules", at_most=schedule_setbacks.CHUNK
        )
        self._passed_over = PassedOver()

    def wake(self) -> None:
        """Let the loop check at once whether schedules are due or `stop` is set."""
        self._wake.set()

    def run(self) -> None:
        """Run the loop. Its waits use the monotonic clock, so wall clock changes have no effect."""
        failures = 0
        while not self._stop.is_set():
            self._beat_at = time.monotonic()
            try:
                self._mend()
                self.run_once()
                pause, failures = self.seconds_to_sleep(), 0
                if pause <= LEAST_PAUSE_SECONDS:
                    self._end_frozen_sessions()
            except errors.DatabaseUnavailable as error:
                failures += 1
                pause = backoff_seconds(failures)
                log.warning(
                    "scheduler.database_unavailable", reason=str(error), again_in=round(pause, 2)
                )
            self._wake.wait(pause)
            self._wake.clear()

    def run_once(self) -> int:
        """Fire all due schedules in batches, and return the number of processed schedules."""
        total = self._fire_all(self._fire_batch, BATCH)
        return total + self._fire_all(self._fire_groups, GROUP_BATCH, is_last=True)

    def _fire_all(
        self,
        fire: Callable[[Connection], list[Fired | Disabled | Stuck]],
        at_most: int,
        *,
        is_last: bool = False,
    ) -> int:
        """Call `fire` until a batch is not full. Returns the number of schedules in all batches."""
        total = 0
        while not self._stop.is_set():
            self._traces.clear()
            results = self._database.run(fire)
            self._beat_at = time.monotonic()
            for result in results:
                if isinstance(result, Stuck):
                    self._passed_over.add(result)
                    continue
                with self._traces.reporting(result):
                    firing_log.write(result)
                firing_counters.count(result)
            total += len(results)
            # If the batch is not full, only schedules that another scheduler locks are still due.
            if len(results) < at_most:
                if is_last:
                    self._ticked_at = time.monotonic()
                break
        return total

    def seconds_since_beat(self) -> float:
        """Return the seconds since the loop's last step. The loop makes steps in an outage too."""
        return time.monotonic() - self._beat_at

    def seconds_since_tick(self) -> float | None:
        """Return the seconds since the last full check for due schedules. None: no check yet."""
        return None if self._ticked_at is None else time.monotonic() - self._ticked_at

    def seconds_to_sleep(self) -> float:
        """Return the seconds to the next due time, from LEAST_PAUSE_SECONDS to `tick_seconds`."""
        passed_over = self._passed_over.ids()
        seconds = self._database.run(
            lambda conn: due_schedules.seconds_until_next_due(conn, passed_over=passed_over)
        )
        if seconds is None:
            return self._tick_seconds
        return min(max(seconds, LEAST_PAUSE_SECONDS), self._tick_seconds)

    def _mend(self) -> None:
        """Correct next due times that are too late, because the database's clock was set back.

        Does nothing if `tick_seconds` have not passed since the last correction.
        """
        if time.monotonic() - self._mended_at < self._tick_seconds:
            return
        try:
            mended = self._mending.run(
                schedule_setbacks.mend_next_runs, then=self._beat, may_continue=self._goes_on
            )
            if mended:
                log.warning(
                    "schedule.mended", count=mended, reason="the database's clock was set back"
                )
        except errors.DatabaseUnavailable:
            raise
        except Exception:  # an error here must not stop schedules from firing
            log.exception("maintenance.failed", task="mend schedules")
        self._mended_at = time.monotonic()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()

    def _goes_on(self) -> bool:
        return not self._stop.is_set()

    def _end_frozen_sessions(self) -> None:
        """End sessions that froze in the middle of a statement. They may lock due schedules."""

        def end(conn: Connection) -> list[str]:
            return frozen_sessions.end_frozen_sessions(conn, silence=self._frozen_after)

        for name in self._database.run(end):
            log.warning("session.ended", application=name, reason="silent in mid-statement")

    def _fire_batch(self, conn: Connection) -> list[Fired | Disabled | Stuck]:
        return schedule_firing.fire_due_schedules(
            conn,
            at_most=BATCH,
            default_max_retries=self._default_max_retries,
            traceparent_of=self._traces.begin,
            passed_over=self._passed_over.ids(),
        )

    def _fire_groups(self, conn: Connection) -> list[Fired | Disabled | Stuck]:
        return group_firing.fire_due_groups(
            conn,
            at_most=GROUP_BATCH,
            default_max_retries=self._default_max_retries,
            traceparent_of=self._traces.begin,
            passed_over=self._passed_over.ids(),
        )


def application_name(instance: str) -> str:
    """Return the name of the scheduler's database sessions. PostgreSQL allows 63 characters.

    The database function end_frozen_sessions finds the sessions by the prefix `crawljobs`.
    """
    return f"crawljobs {instance}"[:63]


def backoff_seconds(failures: int) -> float:
    """Return the pause in seconds after `failures` failures in a row."""
    return backoff.pause_seconds(failures, first=BACKOFF_SECONDS, longest=BACKOFF_MAX_SECONDS)
