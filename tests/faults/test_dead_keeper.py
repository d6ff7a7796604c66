"""F21: the thread that extends the claims dies, or never reaches the database."""

from crawljobs.domain.job import JobStatus
from support.crew import LEASE_SECONDS, Crew
from support.waiting import wait_until
from support.watched_queue import WatchedQueue


def test_a_worker_whose_keeper_died_gives_its_jobs_back_and_ends_so_that_a_new_one_is_started(
    queue: WatchedQueue, crew: Crew
) -> None:
    job_id, waiting = queue.enqueue("pages_long", "pages_next")
    worker = crew.started(PAGES="400", WORKER_CONCURRENCY="1", KEEPER_DIES_AT="3")
    worker.wait_for("keeper.killed_by_test")
    assert worker.wait(LEASE_SECONDS + 10) == 1
    assert worker.logged("worker.without_keeper")
    assert queue.job(job_id).status is JobStatus.QUEUED
    assert queue.job(waiting).status is JobStatus.QUEUED
    assert queue.outcomes(job_id) == ["released"]
    crew.started(PAGES="3", PAGE_SECONDS="0")
    queue.wait_until_ended(describe=crew.log)
    queue.check_ended()


def test_a_worker_whose_keeper_cannot_connect_claims_nothing(
    queue: WatchedQueue, crew: Crew
) -> None:
    """Whatever it claimed it would lose after a lease, and every job in the queue would fail."""
    (job_id,) = queue.enqueue("hold_1")
    worker = crew.started(DATABASE_DIRECT_URL="postgresql://nobody@127.0.0.1:1/none")
    wait_until(
        lambda: len(worker.logged("keeper.disconnected")) >= 5, timeout=20, describe=crew.log
    )
    assert queue.job(job_id).status is JobStatus.QUEUED
    assert queue.attempts(job_id) == []
    assert worker.terminate()[0] == 0
    queue.check()
