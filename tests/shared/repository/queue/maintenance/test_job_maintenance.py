"""Each sweep changes the rows that it should, nothing in an empty table, and no row twice."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.aging import AgingPolicy, aged_priority
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.job import JobSource, JobStatus, WaitReason
from crawljobs.domain.retry import RetryPolicy, retry_delay
from crawljobs.repository.operations import task_turns
from crawljobs.repository.queue import job_reads, leases
from crawljobs.repository.queue.maintenance import (
    count_merging,
    job_aging,
    job_maintenance,
    job_pruning,
)
from support import job_verbs, jobs, listed_jobs
from support.jobs import T0

AGING = AgingPolicy()
EXPIRED = T0 + timedelta(seconds=jobs.LEASE_SECONDS + 1)


def requeue(conn: Connection, now: datetime = T0) -> int:
    return job_maintenance.requeue_due_jobs(conn, now=now)


def rescue(conn: Connection, now: datetime = EXPIRED) -> list[JobStatus]:
    rescued = job_maintenance.rescue_stuck_jobs(
        conn,
        lease_seconds=jobs.LEASE_SECONDS,
        reset_after=timedelta(minutes=15),
        retry=RetryPolicy(),
        now=now,
    )
    return [job.status for job in rescued]


def age(conn: Connection, now: datetime = T0) -> int:
    return job_aging.age_starved_jobs(conn, policy=AGING, now=now).jobs


def prune(conn: Connection, now: datetime = T0) -> int:
    return job_pruning.prune_finished_jobs(conn, retention=timedelta(days=30), now=now).jobs


@pytest.mark.parametrize("sweep", [requeue, rescue, age, prune])
def test_a_sweep_does_nothing_on_an_empty_table(
    conn: Connection, sweep: Callable[[Connection], object]
) -> None:
    assert not sweep(conn)


def test_requeue_takes_what_is_due_and_only_once(conn: Connection) -> None:
    due = jobs.enqueue(conn, "due", visible_at=T0 + timedelta(minutes=1))
    later = jobs.enqueue(conn, "later", visible_at=T0 + timedelta(minutes=3))
    assert requeue(conn, T0 + timedelta(minutes=2)) == 1
    assert requeue(conn, T0 + timedelta(minutes=2)) == 0
    assert jobs.job(conn, due).status is JobStatus.QUEUED
    assert jobs.job(conn, later).wait_reason is WaitReason.LATER


def test_a_first_rescue_is_claimable_at_once_and_charged(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    assert rescue(conn, T0 + timedelta(seconds=jobs.LEASE_SECONDS - 1)) == []
    assert rescue(conn) == [JobStatus.QUEUED]
    assert rescue(conn) == []
    job = jobs.job(conn, claim.job_id)
    assert (job.retry_count, job.visible_at) == (1, EXPIRED)
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert attempt.outcome is AttemptOutcome.LEASE_EXPIRED
    assert attempt.error_message == "the worker stopped extending its lease"


@pytest.mark.parametrize("retries", [0, 1, 9])
def test_a_rescue_takes_back_what_aging_added(conn: Connection, retries: int) -> None:
    job_id = jobs.enqueue(conn, priority=10, max_retries=retries)
    conn.execute(text("UPDATE crawl_jobs SET priority = 60, retry_count = 1, rescues_in_a_row = 1"))
    jobs.claim_one(conn)
    rescue(conn)
    job = jobs.job(conn, job_id)
    assert (job.priority, job.base_priority) == (10, 10)
    assert job.status is (JobStatus.WAITING if retries == 9 else JobStatus.FAILED)


def test_a_poison_job_backs_off_at_its_second_rescue_and_fails_in_the_end(
    conn: Connection,
) -> None:
    job_id = jobs.enqueue(conn, max_retries=2)
    seen, now = [], T0
    for _ in range(3):
        requeue(conn, now)
        jobs.claim_one(conn, now=now)
        now += timedelta(minutes=5)
        seen += rescue(conn, now)
        now += timedelta(minutes=5)
    assert seen == [JobStatus.QUEUED, JobStatus.WAITING, JobStatus.FAILED]
    job = jobs.job(conn, job_id)
    assert (job.retries, job.finished_at) == (3, now - timedelta(minutes=5))


@pytest.mark.parametrize("retry_count", [0, 1, 5, 20, 70])
def test_the_backoff_of_a_rescue_equals_the_rule(conn: Connection, retry_count: int) -> None:
    policy = RetryPolicy(jitter=0.0)
    claim = jobs.crawling(conn, max_retries=100)
    conn.execute(
        text("UPDATE crawl_jobs SET retry_count = :n, rescues_in_a_row = 1"), {"n": retry_count}
    )
    job_maintenance.rescue_stuck_jobs(
        conn,
        lease_seconds=jobs.LEASE_SECONDS,
        reset_after=timedelta(minutes=15),
        retry=policy,
        now=EXPIRED,
    )
    expected = retry_delay(retry_count, policy=policy, uniform=lambda low, high: 0.0)
    assert jobs.job(conn, claim.job_id).visible_at - EXPIRED == expected


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("release", JobStatus.QUEUED),
        ("defer", JobStatus.QUEUED),
        ("schedule_retry", JobStatus.QUEUED),
        (None, JobStatus.WAITING),  # the second rescue in a row: no worker ended the claim
    ],
)
def test_a_rescue_after_a_claim_that_its_worker_ended_is_a_first_one_again(
    conn: Connection, end: str | None, status: JobStatus
) -> None:
    claim = jobs.crawling(conn, max_retries=9)
    rescue(conn)
    if end is not None:
        jobs.end_at(conn, jobs.claim_one(conn, now=EXPIRED), end, now=EXPIRED)
        if end != "release":
            job_verbs.wake(conn, job_id=claim.job_id, now=EXPIRED)
    jobs.claim_one(conn, now=EXPIRED)
    assert rescue(conn, EXPIRED + timedelta(minutes=1)) == [status]


def test_a_crawl_without_progress_is_rescued_although_its_lease_is_extended(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    extended_until = text("UPDATE crawl_jobs SET lease_expires_at = :at")
    conn.execute(extended_until, {"at": T0 + timedelta(hours=2)})
    leases.save_checkpoint(conn, claim=claim, checkpoint={}, now=T0 + timedelta(minutes=10))
    assert rescue(conn, T0 + timedelta(minutes=20)) == []
    assert rescue(conn, T0 + timedelta(minutes=26)) == [JobStatus.QUEUED]
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert attempt.error_message == "the crawl made no progress"


def test_a_lease_that_ends_at_this_moment_has_not_expired(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    now = T0 + timedelta(seconds=jobs.LEASE_SECONDS)
    assert rescue(conn, now) == []
    conn.execute(text("UPDATE crawl_jobs SET progress_at = :at"), {"at": now - timedelta(hours=1)})
    assert rescue(conn, now) == [JobStatus.QUEUED]
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert attempt.error_message == "the crawl made no progress"


@pytest.mark.parametrize("outage", [timedelta(minutes=1), timedelta(hours=1)])
def test_nobody_is_rescued_before_a_lease_has_passed_since_the_server_started(
    conn: Connection, outage: timedelta
) -> None:
    jobs.crawling(conn)
    started = conn.execute(text("SELECT pg_postmaster_start_time()")).scalar_one()
    set_lease = text("UPDATE crawl_jobs SET lease_expires_at = :at, progress_at = :at")
    conn.execute(set_lease, {"at": started - outage})
    assert rescue(conn, started + timedelta(seconds=jobs.LEASE_SECONDS - 1)) == []
    assert rescue(conn, started + timedelta(seconds=jobs.LEASE_SECONDS + 1)) == [JobStatus.QUEUED]


def test_a_rescue_to_failed_makes_the_follow_up_and_an_earlier_one_serves_it(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn, max_retries=1)
    leases.save_checkpoint(conn, claim=claim, checkpoint={"phase": "done"}, now=T0)
    jobs.enqueue(conn, max_retries=1)
    rescue(conn)
    (job,) = listed_jobs.list_jobs(conn)
    assert (job.rerun_requested, job.checkpoint) == (False, None)  # it starts from the beginning
    jobs.claim_one(conn, now=EXPIRED)
    jobs.enqueue(conn, priority=66, max_retries=1)
    assert rescue(conn, EXPIRED + timedelta(minutes=1)) == [JobStatus.FAILED]
    assert [job.status for job in listed_jobs.list_jobs(conn)] == [
        JobStatus.QUEUED,
        JobStatus.FAILED,
    ]


def test_aging_is_idempotent_and_keeps_what_was_asked_for(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, priority=20)
    assert age(conn, T0 + timedelta(minutes=59)) == 0
    assert age(conn, T0 + timedelta(minutes=61)) == 1
    assert age(conn, T0 + timedelta(minutes=61)) == 0
    job = jobs.job(conn, job_id)
    assert (job.priority, job.base_priority) == (30, 20)


def test_only_the_transaction_that_may_be_lost_commits_without_the_disk(
    database: Database,
) -> None:
    waits = text("SELECT current_setting('synchronous_commit')")
    with database.begin() as conn:
        conn.execute(text("SET SESSION synchronous_commit = on"))
        job_maintenance.commit_without_disk(conn)
        assert conn.execute(waits).scalar() == "off"
    with database.begin() as conn:
        assert conn.execute(waits).scalar() == "on"


def test_aging_stops_at_the_ceiling_of_background_work(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, priority=0, source=JobSource.DISCOVERY)
    age(conn, T0 + timedelta(days=2))
    assert jobs.job(conn, job_id).priority == 40
    assert age(conn, T0 + timedelta(days=3)) == 0


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(base=st.integers(0, 100), ceiling=st.integers(0, 100), waited=st.integers(0, 3 * 24 * 3600))
def test_aging_in_sql_equals_the_rule(
    conn: Connection, base: int, ceiling: int, waited: int
) -> None:
    job_id = jobs.enqueue(conn)
    conn.execute(
        text(
            "UPDATE crawl_jobs SET priority = :base, base_priority = :base, "
            "priority_ceiling = :ceiling WHERE id = :id"
        ),
        {"base": base, "ceiling": ceiling, "id": job_id},
    )
    now = T0 + timedelta(seconds=waited)
    age(conn, now)
    expected = aged_priority(base=base, ceiling=ceiling, queued_at=T0, now=now, policy=AGING)
    assert jobs.job(conn, job_id).priority == expected


def test_prune_deletes_old_finished_jobs_with_their_attempts_only(conn: Connection) -> None:
    old = jobs.in_status(conn, JobStatus.SUCCEEDED, "old")
    live = jobs.in_status(conn, JobStatus.QUEUED, "live")
    assert prune(conn, T0 + timedelta(days=29)) == 0
    assert prune(conn, T0 + timedelta(days=31)) == 1
    assert job_reads.get_job(conn, job_id=old) is None
    assert job_reads.list_attempts(conn, job_id=old) == []
    assert jobs.job(conn, live).status is JobStatus.QUEUED


def test_a_sweep_takes_at_most_its_chunk(conn: Connection) -> None:
    for n in range(3):
        jobs.enqueue(conn, f"sub_{n}", visible_at=T0 + timedelta(minutes=1))
    due = T0 + timedelta(minutes=2)
    assert job_maintenance.requeue_due_jobs(conn, at_most=2, now=due) == 2


def test_a_turn_is_taken_once_an_interval(conn: Connection) -> None:
    def take(minutes: int) -> bool:
        return task_turns.take_turn(
            conn, task="prune", every=timedelta(minutes=5), now=T0 + timedelta(minutes=minutes)
        )

    assert [take(0), take(4), take(5), take(6)] == [True, False, True, False]


def test_counts_are_merged_past_rows_that_another_worker_merges(database: Database) -> None:
    with database.begin() as conn:
        for number in range(3):
            jobs.in_status(conn, JobStatus.FAILED, f"sub{number}")
        changes = conn.execute(text("SELECT count(*) FROM crawl_job_count_changes")).scalar_one()
    with database.begin() as other, database.begin() as conn:
        first = "SELECT FROM crawl_job_count_changes ORDER BY id LIMIT 1 FOR UPDATE"
        other.execute(text(first))
        conn.execute(text("SET LOCAL lock_timeout = '500ms'"))
        assert count_merging.merge_counts(conn) == changes - 1 > 0
