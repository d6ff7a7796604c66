"""Rescues jobs from workers that died or make no progress."""

from __future__ import annotations

import threading
import time

from crawler_worker.claims import claim_counters
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.actor import Actor
from crawljobs.domain.job import JobStatus
from crawljobs.repository.operations import audit_log, frozen_sessions
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.queue.maintenance.job_maintenance import Rescued
from crawljobs.repository.queue.maintenance.row_isolation import RowIsolation
from crawljobs.runtime import logs
from crawljobs.settings import QueueSettings

log = logs.get_logger(__name__)

ACTOR = Actor("system:crawler-worker")
RESCUE_SECONDS = 5.0  # time limit of one run, because the sweep requeue waits in the same thread


class Rescuing:
    """Rescues jobs, but pauses for one lease duration after the database was unreachable."""

    def __init__(
        self, database: Database, settings: QueueSettings, stopping: threading.Event
    ) -> None:
        self._database = database
        self._settings = settings
        self._stopping = stopping
        self._isolation = RowIsolation(database, task="job.rescued", at_most=job_maintenance.CHUNK)
        self._rescue_from = time.monotonic()

    def run(self) -> int:
        """Rescue stuck jobs and return the number of rescued jobs. Raises DatabaseUnavailable.

        After an outage of the database, no job is rescued for one lease duration. Perhaps no worker
        could extend its leases during the outage. A rescue before this time would
        charge an attempt to jobs whose workers are alive.
        """
        try:
            if time.monotonic() < self._rescue_from:
                self._database.check_reachable()
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

        def report() -> None:
            claim_counters.rescued(rescued)
            for job in rescued:
                log.warning("job.rescued", job_id=job.job_id, status=job.status)

        until = time.monotonic() + RESCUE_SECONDS
        return self._isolation.run(
            chunk,
            then=report,
            may_continue=lambda: time.monotonic() <= until and not self._stopping.is_set(),
        )


def _audit(conn: Connection, rescued: list[Rescued]) -> None:
    """Add an audit row for each job that failed. The row's actor is the system, not a user."""
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
