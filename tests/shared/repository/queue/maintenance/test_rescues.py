"""A rescue spreads its pauses, returns its jobs in order, and records an attempt."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.maintenance import job_maintenance
from crawljobs.repository.queue.maintenance.job_maintenance import Rescued
from support import jobs
from support.jobs import T0

LATE = T0 + timedelta(hours=1)
MANY = 80


def rescue(conn: Connection, jitter: float = 0.0, max_hours: float = 24) -> list[Rescued]:
    return job_maintenance.rescue_stuck_jobs(
        conn,
        lease_seconds=jobs.LEASE_SECONDS,
        reset_after=timedelta(minutes=15),
        retry=RetryPolicy(base_seconds=60, max_hours=max_hours, jitter=jitter),
        now=LATE,
    )


def crawl(conn: Connection, count: int) -> list[int]:
    """Claim `count` jobs that a sweep has rescued once."""
    made = [jobs.enqueue(conn, f"sub{number}", max_retries=99) for number in range(count)]
    jobs.claim_all(conn, at_most=count)
    conn.execute(text("UPDATE crawl_jobs SET rescues_in_a_row = 1"))
    return made


def test_the_pauses_of_many_jobs_are_spread_around_the_rule(conn: Connection) -> None:
    crawl(conn, MANY)
    rescue(conn, jitter=0.5)
    pauses = [
        row.pause.total_seconds()
        for row in conn.execute(
            text("SELECT visible_at - CAST(:now AS timestamptz) AS pause FROM crawl_jobs"),
            {"now": LATE},
        )
    ]
    assert len(pauses) == MANY
    assert 30 <= min(pauses) < 55
    assert 65 < max(pauses) <= 90


@pytest.mark.parametrize(("max_hours", "seconds"), [(1, 3_600), (0.5, 1_800)])
def test_a_pause_is_at_most_the_longest_of_the_settings(
    conn: Connection, max_hours: float, seconds: float
) -> None:
    (job_id,) = crawl(conn, 1)
    conn.execute(text("UPDATE crawl_jobs SET retry_count = 20"))
    rescue(conn, jitter=0.5, max_hours=max_hours)
    assert jobs.job(conn, job_id).visible_at - LATE == timedelta(seconds=seconds)


def test_the_rescued_jobs_are_returned_in_the_order_of_their_ids(conn: Connection) -> None:
    made = crawl(conn, 5)
    assert [one.job_id for one in rescue(conn)] == sorted(made)


def test_the_attempt_of_a_rescue_does_not_end_before_it_began(conn: Connection) -> None:
    """The claim is later than the present time: the clock was set back."""
    claim = jobs.crawling(conn)
    claimed_at = LATE + timedelta(minutes=3)
    conn.execute(text("UPDATE crawl_jobs SET claimed_at = :at"), {"at": claimed_at})
    rescue(conn)
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert (attempt.started_at, attempt.ended_at) == (claimed_at, claimed_at)
    assert (attempt.outcome, attempt.error_kind) == ("lease_expired", "retryable")
