"""Requeues waiting jobs that are due, or whose cause to wait has ended."""

from __future__ import annotations

from crawler_worker.maintenance.chunked_sweeps import ChunkedSweeps
from crawljobs import errors
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.queue.maintenance import job_maintenance, pause_parking
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# Limit of one sweep in the thread that requeues and rescues: a backlog of a million jobs to requeue
# must not delay the rescue.
SWEEP_SECONDS = 5.0


def requeue(sweeps: ChunkedSweeps) -> int:
    """Requeue jobs, and park a job again when it has another cause now.

    Returns the number of requeued jobs. Raises DatabaseUnavailable.
    """
    requeued = 0
    for action, chunk in (
        ("job.parked", pause_parking.park_paused_jobs),
        ("job.settled", parked_jobs.settle_parked_jobs),
        ("job.requeued", job_maintenance.requeue_due_jobs),
    ):
        try:
            requeued = sweeps.run(action, chunk, seconds=SWEEP_SECONDS)
        except errors.DatabaseUnavailable:
            raise
        except Exception:  # one sweep that fails must not stop the sweeps after it
            log.exception("maintenance.failed", task=action)
            requeued = 0
    return requeued
