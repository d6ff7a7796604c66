"""Raises the priority of jobs that have waited for a long time."""

from __future__ import annotations

from crawler_worker.maintenance.chunked_sweeps import ChunkedSweeps
from crawljobs.db.database import Connection
from crawljobs.domain.aging import AgingPolicy
from crawljobs.repository.queue.maintenance import job_aging, job_maintenance
from crawljobs.repository.queue.maintenance.job_aging import Aged


def age(sweeps: ChunkedSweeps, policy: AgingPolicy) -> int:
    """Raise the priority of all jobs that have waited long enough. Return the number of jobs.

    Raises DatabaseUnavailable.
    """
    aged = beyond = Aged(jobs=0, last=None)

    def chunk(conn: Connection, *, at_most: int, skip: int) -> int:
        nonlocal aged
        job_maintenance.commit_without_disk(conn)
        aged = job_aging.age_starved_jobs(
            conn, policy=policy, beyond=beyond.last, at_most=at_most, skip=skip
        )
        return aged.jobs

    def continue_after() -> None:
        nonlocal beyond
        beyond = aged

    return sweeps.run("job.aged", chunk, then=continue_after, follows=True)
