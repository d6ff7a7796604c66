"""The worker's loop against a real database, with a crawl that does what the test says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from crawler_worker.held_claim import HeldClaim
from crawler_worker.reddit import failures
from crawler_worker.worker import Worker
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain import trace_context
from crawljobs.domain.job import AttemptOutcome, Job, JobSource, JobStatus, WaitReason
from crawljobs.repository import claims, job_admin, job_queries, job_queue
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


@pytest.fixture
def start(database: Database, database_url: str) -> Iterator[Start]:
    """Starts workers in threads; all are stopped at the end."""
    running: list[tuple[Worker, threading.Thread]] = []

    def start_worker(crawl: Crawl, **variables: str) -> Worker:
        worker = Worker(
            name="worker-1",
            database=database,
            direct_url=database_url,
            settings=settings.read_queue_settings({**QUICK, **variables}),
            crawl=crawl,
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        running.append((worker, thread))
        return worker

    yield start_worker
    for worker, _ in running:
        worker.stop()
    for worker, thread in running:
        thread.join(10)
        worker.keeper.join(10)
        assert not thread.is_alive()


def enqueue(database: Database, *names: str, traceparent: str | None = None) -> list[int]:
    with database.begin() as conn:
        enqueued = job_queue.enqueue_many(
            conn,
            subreddits_named=names,
            priority=50,
            source=JobSource.USER,
            traceparent=traceparent,
        )
    return [one.job_id for one in enqueued]


def job_of(database: Database, job_id: int) -> Job:
    with database.begin() as conn:
        found = job_queries.get_job(conn, job_id=job_id)
    assert found is not None
    return found


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
                raise failures.Interrupted("told to stop")
        return "crawled"


def test_every_job_is_crawled_and_completed(database: Database, start: Start) -> None:
    start(lambda held: "crawled")
    for job_id in enqueue(database, *(f"sub_{n}" for n in range(10))):
        job = wait_for(database, job_id, JobStatus.SUCCEEDED)
        assert job.outcome == "crawled"


def test_no_more_jobs_are_claimed_than_there_are_slots(database: Database, start: Start) -> None:
    gate = Gate()
    enqueue(database, *(f"sub_{n}" for n in range(5)))
    start(gate)

    def crawling() -> int:
        with database.begin() as conn:
            return len(job_queries.list_jobs(conn, statuses=[JobStatus.CRAWLING]))

    wait_until(lambda: crawling() == 3, timeout=10, describe="three crawls")
    assert crawling() == 3
    gate.open.set()


@pytest.mark.parametrize(
    ("error", "status", "reason", "outcome"),
    [
        (
            failures.UpstreamTrouble("503"),
            JobStatus.WAITING,
            WaitReason.RETRY,
            AttemptOutcome.FAILED,
        ),
        (failures.BadRequest("400"), JobStatus.FAILED, None, AttemptOutcome.FAILED),
        (
            failures.SlotTooLate("full", resume_in=60),
            JobStatus.WAITING,
            WaitReason.RATE_LIMIT,
            AttemptOutcome.DEFERRED,
        ),
        (ZeroDivisionError("a bug"), JobStatus.WAITING, WaitReason.RETRY, AttemptOutcome.FAILED),
    ],
)
def test_the_kind_of_an_error_decides_how_the_job_goes_on(
    database: Database,
    start: Start,
    error: Exception,
    status: JobStatus,
    reason: WaitReason | None,
    outcome: AttemptOutcome,
) -> None:
    def crawl(held: HeldClaim) -> str:
        raise error

    start(crawl)
    (job_id,) = enqueue(database, "python")
    job = wait_for(database, job_id, status)
    assert job.wait_reason is reason
    with database.begin() as conn:
        (attempt,) = job_queries.list_attempts(conn, job_id=job_id)
    assert attempt.outcome is outcome
    assert attempt.error_message is not None


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
                claims.save_checkpoint(conn, claim=held.claim, checkpoint={})
        except Exception as error:
            late.append(error)
            raise
        return "crawled"

    (job_id,) = enqueue(database, "python", traceparent=str(asked))
    with capture_logs([merge_contextvars]) as told:
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


def test_a_long_crawl_keeps_its_claim(database: Database, start: Start) -> None:
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    start(gate)
    assert gate.begun.wait(10)
    first = job_of(database, job_id).lease_expires_at
    assert first is not None

    def extended_twice() -> bool:
        lease = job_of(database, job_id).lease_expires_at
        return lease is not None and (lease - first).total_seconds() > 0.9

    wait_until(extended_twice, timeout=10, describe="two extensions")
    gate.open.set()
    job = wait_for(database, job_id, JobStatus.SUCCEEDED)
    assert job.retries == 0


def test_a_job_whose_row_is_locked_costs_the_other_claims_nothing(
    database: Database, start: Start
) -> None:
    gate = Gate()
    locked, other = enqueue(database, "locked", "other")
    start(gate)
    for job_id in (locked, other):
        wait_for(database, job_id, JobStatus.CRAWLING)
    with database.begin() as conn:
        job_admin.lock_job(conn, job_id=locked)
        first = job_of(database, other).lease_expires_at
        assert first is not None

        def outlived_a_lease() -> bool:
            lease = job_of(database, other).lease_expires_at
            return lease is not None and (lease - first).total_seconds() > 1.5

        wait_until(outlived_a_lease, timeout=10, describe=lambda: job_of(database, other))
    gate.open.set()
    for job_id in (locked, other):
        assert wait_for(database, job_id, JobStatus.SUCCEEDED).retries == 0
    with database.begin() as conn:
        (attempt,) = job_queries.list_attempts(conn, job_id=other)
    assert attempt.outcome is AttemptOutcome.SUCCEEDED


def test_a_crawl_is_stopped_when_its_claim_is_lost(database: Database, start: Start) -> None:
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    start(gate)
    assert gate.begun.wait(10)
    with database.begin() as conn:
        job_admin.cancel(conn, job_id=job_id)
    wait_until(lambda: gate.stopped == [job_id], timeout=10, describe="the crawl to stop")
    assert job_of(database, job_id).status is JobStatus.CANCELLED


def test_a_new_job_starts_at_once_by_notification(database: Database, start: Start) -> None:
    gate = Gate()
    worker = start(gate, POLL_SECONDS="300")
    wait_until(lambda: is_listening(database), timeout=10, describe="the keeper to listen")
    # Once it listens, the loop looks one time more before it sleeps for the poll interval.
    enqueue(database, "python")
    assert gate.begun.wait(5)
    assert worker.keeper.seconds_since_beat() < 5


def is_listening(database: Database) -> bool:
    with database.begin() as conn:
        return bool(
            conn.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name LIKE '%keeper' AND state = 'idle' "
                    "AND query NOT LIKE '%LISTEN%' AND query <> ''"
                )
            ).scalar_one()
        )


@contextmanager
def killed_backends(database: Database) -> Iterator[None]:
    """Every other connection to this database is cut."""
    with database.begin() as conn:
        conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    yield


def test_the_keeper_reconnects_when_its_connection_is_cut(database: Database, start: Start) -> None:
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    start(gate)
    assert gate.begun.wait(10)
    with killed_backends(database):
        lease = job_of(database, job_id).lease_expires_at
        assert lease is not None
        wait_until(
            lambda: (job_of(database, job_id).lease_expires_at or lease) > lease,
            timeout=10,
            describe="an extension after the cut",
        )
    gate.open.set()
    job = wait_for(database, job_id, JobStatus.SUCCEEDED)
    assert job.retries == 0


def test_a_crawl_that_hangs_does_not_keep_its_slot_for_good(
    database: Database, start: Start
) -> None:
    go_on = threading.Event()

    def crawl(held: HeldClaim) -> str:
        if held.claim.subreddit == "poison":
            go_on.wait(30)  # deaf to every wish to stop
        return "crawled"

    (poison,) = enqueue(database, "poison")
    start(crawl, WORKER_CONCURRENCY="1")
    wait_for(database, poison, JobStatus.CRAWLING)
    (other,) = enqueue(database, "other")
    with database.begin() as conn:
        job_admin.give_up(conn, job_id=poison)
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
            job_admin.give_up(conn, job_id=job_id)
    thread.join(20)
    assert ended == [False]
    go_on.set()
