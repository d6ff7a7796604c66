"""F21: a worker's keeper, the thread that extends its claims, dies or cannot connect."""

from datetime import datetime, timedelta

from crawljobs.domain.job import JobStatus
from support import tcp_proxy
from support.crew import LEASE_SECONDS, Crew
from support.seeds import rng, seeded
from support.service_process import ServiceProcess, when
from support.waiting import wait_until
from support.watched_queue import WatchedQueue


@seeded(1)
def test_a_worker_whose_keeper_died_gives_its_jobs_back_and_ends_so_that_a_new_one_is_started(
    queue: WatchedQueue, crew: Crew, seed: int
) -> None:
    dies_at = str(rng(seed, "dead keeper").randint(3, 8))
    job_id, waiting = queue.enqueue("pages_long", "pages_next")
    worker = crew.started(PAGES="400", WORKER_CONCURRENCY="1", KEEPER_DIES_AT=dies_at)
    worker.wait_for("keeper.killed_by_test")
    assert worker.wait(LEASE_SECONDS + 10) == 1
    assert worker.logged("keeper.stopped")
    assert queue.job(job_id).status is JobStatus.QUEUED
    assert queue.job(waiting).status is JobStatus.QUEUED
    assert queue.outcomes(job_id) == ["released"]
    crew.started(PAGES="3", PAGE_SECONDS="0")
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended()


def test_a_worker_whose_keeper_cannot_connect_claims_nothing(
    queue: WatchedQueue, crew: Crew, database_url: str
) -> None:
    """It could extend no lease. So it would lose each claim, and in the end all jobs would fail."""
    with tcp_proxy.serve(database_url) as proxy:
        worker = crew.started(DATABASE_DIRECT_URL=proxy.url)
        (before,) = queue.enqueue("pages_before")
        queue.wait_for(before, JobStatus.SUCCEEDED)
    first = worker.wait_for("keeper.disconnected")
    lease = timedelta(seconds=LEASE_SECONDS)
    wait_until(
        lambda: last_disconnected(worker) > when(first) + lease, timeout=20, describe=crew.log
    )
    (after,) = queue.enqueue("pages_after")
    tries = len(worker.logged("keeper.disconnected"))
    wait_until(
        lambda: len(worker.logged("keeper.disconnected")) > tries + 2, timeout=20, describe=crew.log
    )
    assert queue.job(after).status is JobStatus.QUEUED
    assert queue.attempts(after) == []
    assert worker.terminate()[0] == 0
    queue.check()


def last_disconnected(worker: ServiceProcess) -> datetime:
    return when(worker.logged("keeper.disconnected")[-1])
