"""Parks the jobs of paused subreddits, and requeues jobs that no longer have to wait."""

from __future__ import annotations

from crawler_worker.maintenance.chunked_sweeps import ChunkedSweeps
from crawljobs import errors
from crawljobs.repository.queue import parked_jobs
from crawljobs.repository.queue.maintenance import job_maintenance, pause_parking
from crawljobs.runtime import logs

log = logs.get_logger(__name__)

# Time limit of one sweep. The rescue of jobs runs in the same thread. A million jobs to requeue
# must not delay the rescue.
SWEEP_SECONDS = 5.0


def requeue(sweeps: ChunkedSweeps) -> int:
    """Requeue jobs that are due, and park jobs while the cause of their wait is in force.

    Return the number of requeued jobs. Raises DatabaseUnavailable.
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
        except Exception:  # a failure of one sweep must not stop the next sweeps
            log.exception("maintenance.failed", task=action)
            requeued = 0
    return requeued
