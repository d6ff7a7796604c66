"""A worker in a thread of the test, with a crawl that does what the test says."""

import contextlib
import threading
from collections.abc import Callable

from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import Worker
from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.job import Job, JobSource, JobStatus
from crawljobs.repository.queue import job_reads
from support import enqueueing
from support.waiting import wait_until

QUICK = {
    "POLL_SECONDS": "0.1",
    "LEASE_SECONDS": "1.5",
    "RESCUE_SECONDS": "0.2",
    "WORKER_CONCURRENCY": "3",
    "RETRY_BASE_SECONDS": "600",
    "DRAIN_SECONDS": "2",
}

Crawl = Callable[[HeldClaim], str]
Start = Callable[..., Worker]


def enqueue(database: Database, *names: str, traceparent: str | None = None) -> list[int]:
    with database.begin() as conn:
        enqueued = enqueueing.enqueue_many(
            conn,
            subreddits_named=names,
            priority=50,
            source=JobSource.USER,
            traceparent=traceparent,
        )
    return [one.job_id for one in enqueued]


def job_of(database: Database, job_id: int) -> Job:
    found: list[Job | None] = []

    def read() -> bool:
        # Some tests cut every connection of the pool: each has to be met once.
        with contextlib.suppress(errors.DatabaseUnavailable):
            found.append(database.run(lambda conn: job_reads.get_job(conn, job_id=job_id)))
        return bool(found)

    wait_until(read, timeout=10, describe="the database to be there")
    (job,) = found
    assert job is not None
    return job


def wait_for(database: Database, job_id: int, status: JobStatus) -> Job:
    wait_until(
        lambda: job_of(database, job_id).status is status,
        timeout=10,
        describe=lambda: job_of(database, job_id),
    )
    return job_of(database, job_id)


class Gate:
    """A crawl that says when it began and goes on when told to, or when stopped."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()
        self.stopped: list[int] = []

    def __call__(self, held: HeldClaim) -> str:
        self.begun.set()
        while not self.open.is_set():
            if held.wait(0.02):
                self.stopped.append(held.claim.job_id)
                raise crawl_failures.Interrupted("told to stop")
        return "crawled"
