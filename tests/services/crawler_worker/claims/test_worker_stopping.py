"""A worker that stops ends its crawls. A crawl that never returns does not block the worker."""

import threading

from structlog.testing import capture_logs

from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import Worker
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain import trace_context
from crawljobs.domain.job import JobStatus
from crawljobs.repository.queue import leases
from crawljobs.runtime.traces import trace_scope
from support import job_verbs
from support.waiting import wait_until
from support.worker_thread import QUICK, Gate, Start, enqueue, wait_for


def test_stopping_interrupts_the_crawl_and_releases_its_job(
    database: Database, start: Start
) -> None:
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    worker = start(gate)
    assert gate.begun.wait(10)
    worker.stop()
    job = wait_for(database, job_id, JobStatus.QUEUED)
    assert (job.retry_count, job.retries) == (0, 0)


def test_a_crawl_that_does_not_stop_is_released_when_the_drain_time_is_over(
    database: Database, start: Start
) -> None:
    asked = trace_context.new()
    begun, go_on = threading.Event(), threading.Event()
    late: list[Exception] = []

    def deaf(held: HeldClaim) -> str:
        begun.set()
        go_on.wait(20)
        try:
            with database.begin() as conn:
                leases.save_checkpoint(conn, claim=held.claim, checkpoint={})
        except Exception as error:
            late.append(error)
            raise
        return "crawled"

    (job_id,) = enqueue(database, "python", traceparent=str(asked))
    with capture_logs([trace_scope.add_ids]) as told:
        worker = start(deaf)
        assert begun.wait(10)
        worker.stop()
        wait_until(
            lambda: [one for one in told if one["event"] == "job.released"],
            timeout=10,
            describe=lambda: told,
        )
    (released,) = (one for one in told if one["event"] == "job.released")
    assert released["trace_id"] == asked.trace_id
    wait_for(database, job_id, JobStatus.QUEUED)
    go_on.set()
    wait_until(lambda: late, timeout=10, describe="the late write")
    assert type(late[0]).__name__ == "ClaimLost"


def test_a_crawl_that_hangs_does_not_keep_its_slot_for_good(
    database: Database, start: Start
) -> None:
    go_on = threading.Event()

    def crawl(held: HeldClaim) -> str:
        if held.claim.subreddit == "poison":
            go_on.wait(30)  # this crawl ignores the stop
        return "crawled"

    (poison,) = enqueue(database, "poison")
    start(crawl, WORKER_CONCURRENCY="1")
    wait_for(database, poison, JobStatus.CRAWLING)
    (other,) = enqueue(database, "other")
    with database.begin() as conn:
        job_verbs.give_up(conn, job_id=poison)
    wait_for(database, other, JobStatus.SUCCEEDED)
    go_on.set()


def test_a_worker_full_of_hanging_crawls_ends_so_that_a_new_one_is_started(
    database: Database, database_url: str
) -> None:
    go_on = threading.Event()
    worker = Worker(
        name="worker-1",
        database=database,
        direct_url=database_url,
        settings=settings.read_queue_settings(
            {**QUICK, "WORKER_CONCURRENCY": "1", "DRAIN_SECONDS": "0.2"}
        ),
        crawl=lambda held: "crawled" if go_on.wait(30) else "never",
    )
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(worker.run()))
    thread.start()
    for job_id in enqueue(database, "first", "second"):
        wait_for(database, job_id, JobStatus.CRAWLING)
        with database.begin() as conn:
            job_verbs.give_up(conn, job_id=job_id)
    thread.join(20)
    assert ended == [False]
    go_on.set()
