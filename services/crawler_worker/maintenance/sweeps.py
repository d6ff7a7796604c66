"""The sweeps, in every worker: harmless when run twice or by many at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from crawler_worker.claims import claim_counters
from crawler_worker.maintenance import clock_mending, revisiting
from crawler_worker.maintenance.pruning import Pruning
from crawler_worker.maintenance.revisiting import Revisiting
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import JobStatus
from crawljobs.repository.operations import audit_log, frozen_sessions, task_turns
from crawljobs.repository.queue import job_stats, parked_jobs, queue_pauses
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.queue.maintenance.job_maintenance import Aged, Rescued
from crawljobs.repository.queue.maintenance.row_isolation import Change, RowIsolations
from crawljobs.runtime import logs
from crawljobs.runtime.periodic_tasks import PeriodicTask, PeriodicTasks
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

# Of one sweep of those that take turns: a backlog of a million must not hold up the rescue.
SWEEP_SECONDS = 5.0
MERGE_COUNTS_SECONDS = 15.0  # a count is summed from the changes since, some thousands at most
ACTOR = Actor("system:crawler-worker")


class Maintenance:
    """requeue, rescue, age, prune and revisits, each at its own pace."""

    def __init__(
        self, database: Database, settings: QueueSettings, again: Revisiting | None = None
    ) -> None:
        self._database = database
        self._settings = settings
        self._again = again
        self._stopping = threading.Event()
        self._isolations = RowIsolations(database, at_most=job_maintenance.CHUNK)
        self._mending = clock_mending.ClockMending(database, retry=settings.retry)
        self._pruning = Pruning(database, settings, self._stopping)
        self._rescue_from = time.monotonic()
        # What cannot wait for a host whose wall clock was set back.
        self._heartbeat = PeriodicTasks(
            [
                PeriodicTask(self._guarded(self.requeue), settings.requeue_seconds),
                PeriodicTask(self._guarded(self.rescue), settings.rescue_seconds),
                PeriodicTask(self._guarded(self.mend), clock_mending.EVERY_SECONDS),
            ]
        )
        self._metronome = BackgroundScheduler(
            timezone=UTC,
            # A long prune must not hold up what keeps the queue fair.
            executors={"default": ThreadPoolExecutor(1), "prune": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """The first run of each is now: a task on a long interval must outlive short lives."""
        settings, again = self._settings, self._again
        looks = (again.check_due, again.check_stale) if again else ()
        for task, seconds in (
            *((look, revisiting.LOOK_SECONDS) for look in looks),
            (self.age, settings.aging_every.total_seconds()),
            (self.merge_counts, MERGE_COUNTS_SECONDS),
            (self.prune, settings.maintenance_every.total_seconds()),
        ):
            self._metronome.add_job(
                self._guarded(task),
                "interval",
                seconds=seconds,
                jitter=seconds * 0.1,
                executor="prune" if task == self.prune else "default",
                next_run_time=datetime.now(UTC),
            )
        self._metronome.start()
        self._heartbeat.start()

    def seconds_since_beat(self) -> float:
        """Endless when the thread of the sweeps has died."""
        return 0.0 if self._heartbeat.is_alive() else math.inf

    def stop(self) -> None:
        self._stopping.set()
        self._heartbeat.stop()
        self._metronome.shutdown(wait=False)

    def requeue(self) -> int:
        """Waiting jobs whose time has come, or whose cause has ended; what has another cause now
        waits on for that."""
        requeued = 0
        for action, chunk in (
            ("job.parked", queue_pauses.park_paused_jobs),
            ("job.settled", parked_jobs.settle_parked_jobs),
            ("job.requeued", job_maintenance.requeue_due_jobs),
        ):
            try:
                requeued = self._sweep(action, chunk, seconds=SWEEP_SECONDS)
            except errors.DatabaseUnavailable:
                raise
            except Exception:  # a row that one of them cannot change must not stop the others
                log.exception("maintenance.failed", task=action)
                requeued = 0
        return requeued

    def mend(self) -> int:
        """Times that only a clock which has been set back since can have written."""
        return self._mending.run()

    def rescue(self) -> int:
        """Jobs whose worker is gone or stuck.

        Not before one lease has passed since we could not reach the database ourselves: nobody
        else may have reached it either, and an outage must not cost attempts.
        """
        try:
            if time.monotonic() < self._rescue_from:
                self._database.ask()
                return 0
            return self._rescue_all()
        except errors.DatabaseUnavailable:
            self._rescue_from = time.monotonic() + self._settings.lease_seconds
            raise

    def _rescue_all(self) -> int:
        for name in self._database.run(frozen_sessions.end_frozen_sessions):
            log.warning("session.ended", application=name, reason="silent in mid-statement")
        rescued: list[Rescued] = []

        def chunk(conn: Connection, *, at_most: int, skip: int) -> int:
            rescued[:] = job_maintenance.rescue_stuck_jobs(
                conn,
                lease_seconds=self._settings.lease_seconds,
                reset_after=self._settings.reset_crawling_after,
                retry=self._settings.retry,
                at_most=at_most,
                skip=skip,
            )
            _audit(conn, rescued)
            return len(rescued)

        def tell() -> None:
            claim_counters.rescued(rescued)
            for job in rescued:
                log.warning("job.rescued", job_id=job.job_id, status=job.status)

        return self._sweep("job.rescued", chunk, then=tell, seconds=SWEEP_SECONDS, is_logged=False)

    def age(self) -> int:
        """Jobs that have waited long."""
        policy = self._settings.aging
        aged = beyond = Aged(jobs=0, last=None)

        def chunk(conn: Connection, *, at_most: int, skip: int) -> int:
            nonlocal aged
            job_maintenance.commit_without_disk(conn)
            aged = job_maintenance.age_starved_jobs(
                conn, policy=policy, beyond=beyond.last, at_most=at_most, skip=skip
            )
            return aged.jobs

        def go_on() -> None:
            nonlocal beyond
            beyond = aged

        return self._sweep("job.aged", chunk, then=go_on, follows=True)

    def merge_counts(self) -> int:
        """Changes of how many finished jobs there are: rows of our own triggers, all alike."""
        merged = 0
        while not self._stopping.is_set():
            count = self._database.run(job_stats.merge_counts)
            merged += count
            if count < job_stats.MERGED_AT_ONCE:
                break
        return merged

    def prune(self) -> int:
        """What is old; by one worker at a time is enough."""
        every = self._settings.maintenance_every
        # A little early is harmless; a metronome a little fast must not skip every other turn.
        pace = every - timedelta(seconds=every.total_seconds() * 0.2)
        if not self._database.run(
            lambda conn: task_turns.take_turn(conn, task="prune", every=pace)
        ):
            return 0
        return self._pruning.run()

    def _sweep(
        self,
        action: str,
        change: Change,
        then: Callable[[], None] = lambda: None,
        *,
        seconds: float = math.inf,
        follows: bool = False,
        is_logged: bool = True,
    ) -> int:
        """Until nothing is left, or for so long; `then` follows the commit of each piece."""
        until = time.monotonic() + seconds
        total = self._isolations.of(action).run(
            change,
            then=then,
            goes_on=lambda: time.monotonic() <= until and not self._stopping.is_set(),
            follows=follows,
        )
        if total and is_logged:
            log.info(action, count=total)
        return total

    def _guarded(self, task: Callable[[], int]) -> Callable[[], None]:
        def run() -> None:
            try:
                task()
            except errors.DatabaseUnavailable as error:
                log.warning("maintenance.postponed", task=task.__name__, reason=str(error))
            except Exception:  # the others, and the next run, must go on
                log.exception("maintenance.failed", task=task.__name__)

        run.__name__ = task.__name__
        return run


def _audit(conn: Connection, rescued: list[Rescued]) -> None:
    """Jobs that this ended: somebody asked for them, and nobody told them to fail."""
    failed = [job.job_id for job in rescued if job.status is JobStatus.FAILED]
    audit_log.record_many(
        conn,
        actor=ACTOR,
        action="rescue",
        resource_type="crawl_job",
        changes=[
            audit_log.Change(job_id, {"status": "crawling"}, {"status": "failed"})
            for job_id in failed
        ],
    )
