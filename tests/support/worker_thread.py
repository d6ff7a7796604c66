"""A worker in a thread of the test process, with a crawl that the test controls."""

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
        # Some tests break every connection of the pool. Each one fails once before it is replaced.
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
    """A crawl that sets `begun` at its start. It ends when `open` is set or the worker stops it."""

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
