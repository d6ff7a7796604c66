"""Successive deferrals for the same reason are one attempt, with a count and a start time."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import completion
from crawljobs.domain.attempt import Attempt, AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.repository.queue import job_completion, job_reads
from crawljobs.repository.queue.maintenance import job_maintenance
from support import invariants, jobs
from support.jobs import T0

MINUTE = timedelta(minutes=1)


def defer(
    conn: Connection, message: str, *, at: datetime, claimed: datetime | None = None
) -> Claim:
    """Claim the job at `claimed` or `at`, and defer it one second after `at`."""
    job_maintenance.requeue_due_jobs(conn, now=at)
    claim = jobs.claim_one(conn, now=claimed or at)
    end = completion.deferred(
        claim, delay=timedelta(seconds=9), reason=WaitReason.RATE_LIMIT, message=message
    )
    job_completion.complete_claim(conn, end, now=at + timedelta(seconds=1))
    return claim


def attempts(conn: Connection, job_id: int) -> list[Attempt]:
    """Return the job's attempts in the order in which they ended."""
    return job_reads.list_attempts(conn, job_id=job_id)[::-1]


@pytest.mark.parametrize("number", [40, pytest.param(1_000, marks=pytest.mark.deep)])
def test_any_number_of_equal_deferrals_is_one_row(conn: Connection, number: int) -> None:
    job_id = jobs.enqueue(conn)
    for minute in range(number):
        defer(conn, f"no slot within {minute}.5 s", at=T0 + minute * MINUTE)
    (streak,) = attempts(conn, job_id)
    last = T0 + (number - 1) * MINUTE
    assert (streak.times, streak.first_started_at) == (number, T0)
    assert (streak.started_at, streak.ended_at) == (last, last + timedelta(seconds=1))
    assert streak.error_message == f"no slot within {number - 1}.5 s"
    assert streak.outcome is AttemptOutcome.DEFERRED
    job = jobs.job(conn, job_id)
    assert (job.status, job.retries, job.retry_count) == (JobStatus.WAITING, 0, 0)
    invariants.check_rows(conn)


def test_what_came_between_ends_a_streak_also_when_the_clock_was_set_back(
    conn: Connection,
) -> None:
    job_id = jobs.enqueue(conn, now=T0 - 60 * MINUTE)
    defer(conn, "429", at=T0)
    conn.execute(text("UPDATE crawl_jobs SET visible_at = :at"), {"at": T0 - 30 * MINUTE})
    job_maintenance.requeue_due_jobs(conn, now=T0 - 30 * MINUTE)
    claim = jobs.claim_one(conn, now=T0 - 30 * MINUTE)
    jobs.release(conn, claim=claim, now=T0 - 29 * MINUTE)
    defer(conn, "429", at=T0 - 20 * MINUTE)
    query = "SELECT outcome, times FROM crawl_job_attempts WHERE job_id = :id ORDER BY id"
    found = conn.execute(text(query), {"id": job_id}).all()
    assert found == [("deferred", 1), ("released", 1), ("deferred", 1)]


def test_another_reason_or_another_end_begins_another_row(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    for minute, message in enumerate(["429", "429", "outage", "429"]):
        defer(conn, message, at=T0 + minute * MINUTE)
    job_maintenance.requeue_due_jobs(conn, now=T0 + 5 * MINUTE)
    jobs.release(conn, claim=jobs.claim_one(conn, now=T0 + 5 * MINUTE), now=T0 + 5 * MINUTE)
    for minute in (6, 7, 8):
        defer(conn, "429", at=T0 + minute * MINUTE)
    told = [(one.outcome.value, one.error_message, one.times) for one in attempts(conn, job_id)]
    assert told == [
        ("deferred", "429", 2),
        ("deferred", "outage", 1),
        ("deferred", "429", 1),
        ("released", None, 1),
        ("deferred", "429", 3),
    ]
    alone = attempts(conn, job_id)[1]
    assert alone.first_started_at is None
    invariants.check_rows(conn)


def test_each_job_has_streaks_of_its_own(conn: Connection) -> None:
    one, other = (jobs.enqueue(conn, name) for name in ("one", "other"))
    for minute in range(3):
        job_maintenance.requeue_due_jobs(conn, now=T0 + minute * MINUTE)
        claimed = jobs.claim_all(conn, now=T0 + minute * MINUTE)
        done = [
            completion.deferred(
                claim, delay=timedelta(seconds=9), reason=WaitReason.OUTAGE, message="away"
            )
            for claim in claimed
        ]
        job_completion.complete_claims(conn, completions=done, now=T0 + minute * MINUTE)
    for job_id in (one, other):
        assert [attempt.times for attempt in attempts(conn, job_id)] == [3]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_end_whose_reply_was_lost_is_found_in_its_streak(conn: Connection, which: int) -> None:
    jobs.enqueue(conn)
    claims = [defer(conn, "429", at=T0 + minute * MINUTE) for minute in range(3)]
    assert job_completion.recorded_outcome(conn, claim=claims[which]) is AttemptOutcome.DEFERRED
    job_maintenance.requeue_due_jobs(conn, now=T0 + 9 * MINUTE)
    going_on = jobs.claim_one(conn, now=T0 + 9 * MINUTE)
    assert job_completion.recorded_outcome(conn, claim=going_on) is None


def test_rows_of_the_previous_release_are_read_and_continued(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    for minute in range(3):
        conn.execute(
            text("""
            INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome,
                error_kind, error_message)
            VALUES (:id, 'old', :at, :at, 'deferred', 'deferred', '429')
            """),
            {"id": job_id, "at": T0 + minute * MINUTE},
        )
    defer(conn, "429", at=T0 + 5 * MINUTE)
    told = [(one.worker, one.times, one.first_started_at) for one in attempts(conn, job_id)]
    assert told == [("old", 1, None), ("old", 1, None), ("worker-1", 2, T0 + 2 * MINUTE)]
    invariants.check_rows(conn)


def test_a_clock_that_was_set_back_breaks_no_streak(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, now=T0 - 9 * MINUTE)
    defer(conn, "429", at=T0)
    conn.execute(text("UPDATE crawl_jobs SET visible_at = :at"), {"at": T0 - 5 * MINUTE})
    defer(conn, "429", at=T0 - 5 * MINUTE)
    (streak,) = attempts(conn, job_id)
    assert (streak.times, streak.first_started_at) == (2, T0 - 5 * MINUTE)
    assert streak.started_at <= streak.ended_at
