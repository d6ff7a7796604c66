"""The worker's loop claims jobs in a real database. The test defines what a crawl does."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from sqlalchemy import text

from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.worker import POLL_MIN_SECONDS, Worker
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.repository.queue import job_reads, operator_changes
from support import job_verbs, listed_jobs
from support.waiting import wait_until
from support.worker_thread import Gate, Start, enqueue, job_of, wait_for


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
            return len(listed_jobs.list_jobs(conn, statuses=[JobStatus.CRAWLING]))

    wait_until(lambda: crawling() == 3, timeout=10, describe="three crawls")
    assert crawling() == 3
    gate.open.set()


@pytest.mark.parametrize(
    ("error", "status", "reason", "outcome"),
    [
        (
            crawl_failures.UpstreamTrouble("503"),
            JobStatus.WAITING,
            WaitReason.RETRY,
            AttemptOutcome.FAILED,
        ),
        (crawl_failures.BadRequest("400"), JobStatus.FAILED, None, AttemptOutcome.FAILED),
        (
            crawl_failures.SlotTooLate("full", resume_in=60),
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
        (attempt,) = job_reads.list_attempts(conn, job_id=job_id)
    assert attempt.outcome is outcome
    assert attempt.error_message is not None


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
        operator_changes.lock_job(conn, job_id=locked)
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
        (attempt,) = job_reads.list_attempts(conn, job_id=other)
    assert attempt.outcome is AttemptOutcome.SUCCEEDED


def test_a_crawl_is_stopped_when_its_claim_is_lost(database: Database, start: Start) -> None:
    gate = Gate()
    (job_id,) = enqueue(database, "python")
    start(gate)
    assert gate.begun.wait(10)
    with database.begin() as conn:
        job_verbs.cancel(conn, job_id=job_id)
    wait_until(lambda: gate.stopped == [job_id], timeout=10, describe="the crawl to stop")
    assert job_of(database, job_id).status is JobStatus.CANCELLED


def test_a_new_job_starts_at_once_by_notification(database: Database, start: Start) -> None:
    gate = Gate()
    worker = start(gate, POLL_SECONDS="300")
    wait_until(lambda: is_listening(database), timeout=10, describe="the keeper to listen")
    # When the worker listens, its loop polls once more and then sleeps for the poll interval.
    enqueue(database, "python")
    assert gate.begun.wait(20)
    assert worker.keeper.seconds_since_beat() < 5


def test_an_idle_worker_polls_at_growing_intervals(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls: list[float] = []
    run_once = Worker.run_once

    def counted(worker: Worker) -> int:
        polls.append(time.monotonic())
        return run_once(worker)

    monkeypatch.setattr(Worker, "run_once", counted)
    start(lambda held: "crawled", POLL_SECONDS="300")
    wait_until(
        lambda: any(later - poll > 6 * POLL_MIN_SECONDS for poll, later in pairwise(polls)),
        timeout=10,
        describe=lambda: polls,
    )


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
    """Cut every other connection to this database."""
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
