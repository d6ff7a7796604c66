"""The sweeps, in every worker: harmless when run twice or by many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from crawler_worker import revisiting
from crawler_worker.heartbeat import Beat, Heartbeat
from crawler_worker.revisiting import Revisiting
from crawljobs import errors, logs
from crawljobs.db.database import Connection, Database
from crawljobs.repository import discovery, job_maintenance, queue_pauses, schedule_runs
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

# Each chunk is its own short transaction; a sweep that never ends would hide the others.
CHUNKS_MAX = 1_000


class Maintenance:
    """requeue, rescue, age, prune and revisits, each at its own pace."""

    def __init__(
        self, database: Database, settings: QueueSettings, again: Revisiting | None = None
    ) -> None:
        self._database = database
        self._settings = settings
        self._again = again
        self._stopping = threading.Event()
        self._rescue_from = time.monotonic()
        # What cannot wait for a host whose wall clock was set back.
        self._heartbeat = Heartbeat(
            [
                Beat(self._guarded(self.requeue), settings.requeue_seconds),
                Beat(self._guarded(self.rescue), settings.rescue_seconds),
            ]
        )
        self._metronome = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """The first run of each is now: a task on a long interval must outlive short lives."""
        settings, again = self._settings, self._again
        looks = (again.check_due, again.check_stale) if again else ()
        for task, seconds in (
            *((look, revisiting.LOOK_SECONDS) for look in looks),
            (self.age, settings.aging_every.total_seconds()),
            (self.prune, settings.maintenance_every.total_seconds()),
        ):
            self._metronome.add_job(
                self._guarded(task),
                "interval",
                seconds=seconds,
                jitter=seconds * 0.1,
                next_run_time=datetime.now(UTC),
            )
        self._metronome.start()
        self._heartbeat.start()

    def stop(self) -> None:
        self._stopping.set()
        self._heartbeat.stop()
        self._metronome.shutdown(wait=False)

    def requeue(self) -> int:
        """Waiting jobs whose time has come; those of a paused subreddit wait on for that."""
        self._sweep("job.parked", queue_pauses.park_paused_jobs)
        return self._sweep("job.requeued", job_maintenance.requeue_due_jobs)

    def rescue(self) -> int:
        """Jobs whose worker is gone or stuck.

        Not before one lease has passed since we could not reach the database ourselves: nobody
        else may have reached it either, and an outage must not cost attempts.
        """
        try:
            if time.monotonic() < self._rescue_from:
                self._database.run(lambda _conn: None)  # looks whether it is there
                return 0
            return self._sweep(None, self._rescue_chunk)
        except errors.DatabaseUnavailable:
            self._rescue_from = time.monotonic() + self._settings.lease_seconds
            raise

    def _rescue_chunk(self, conn: Connection) -> int:
        rescued = job_maintenance.rescue_stuck_jobs(
            conn,
            lease_seconds=self._settings.lease_seconds,
            reset_after=self._settings.reset_crawling_after,
            retry=self._settings.retry,
        )
        for job in rescued:
            log.warning("job.rescued", job_id=job.job_id, status=job.status)
        return len(rescued)

    def age(self) -> int:
        """Jobs that have waited long."""
        policy = self._settings.aging
        return self._sweep(
            "job.aged", lambda conn: job_maintenance.age_starved_jobs(conn, policy=policy)
        )

    def prune(self) -> int:
        """Finished jobs and runs of schedules that are old; by one worker at a time is enough."""
        every, retention = self._settings.maintenance_every, self._settings.retention
        ledger_retention = self._settings.ledger_retention
        # A little early is harmless; a metronome a little fast must not skip every other turn.
        pace = every - timedelta(seconds=every.total_seconds() * 0.2)
        if not self._database.run(
            lambda conn: job_maintenance.take_turn(conn, task="prune", every=pace)
        ):
            return 0
        self._sweep(
            "schedule_run.pruned",
            lambda conn: schedule_runs.prune_runs(conn, retention=ledger_retention),
        )
        self._sweep(
            "evidence.forgotten",
            lambda conn: discovery.forget_evidence(conn, at_most=job_maintenance.CHUNK),
        )
        return self._sweep(
            "job.pruned",
            lambda conn: job_maintenance.prune_finished_jobs(conn, retention=retention),
        )

    def _sweep(self, action: str | None, chunk: Callable[[Connection], int]) -> int:
        total = 0
        for _ in range(CHUNKS_MAX):
            swept = self._database.run(chunk)
            total += swept
            if swept < job_maintenance.CHUNK or self._stopping.is_set():
                break
        if total and action is not None:
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
