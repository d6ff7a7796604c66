"""The duration of a job is the time in its ended claims, without the waits between them."""

from datetime import timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.domain.job_filter import JobFilter
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import job_list
from crawljobs.repository.queue.maintenance import job_maintenance
from support import job_verbs, jobs
from support.jobs import T0

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("how", list(jobs.EACH_END))
def test_each_end_of_a_claim_adds_its_time(conn: Connection, how: str) -> None:
    claim = jobs.crawling(conn)
    assert jobs.job(conn, claim.job_id).duration_seconds is None
    jobs.end_at(conn, claim, how, now=T0 + 90 * SECOND)
    assert jobs.job(conn, claim.job_id).duration_seconds == 90
    (listed,) = job_list.list_jobs(conn, filters=JobFilter(), limit=9).jobs
    assert listed.duration_seconds == 90


def test_the_waits_between_claims_do_not_count(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "schedule_retry", now=T0 + 1.5 * SECOND)
    jobs.sweep(conn, now=T0 + HOUR)
    claim = jobs.claim_one(conn, now=T0 + HOUR)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 + HOUR + 2 * SECOND)
    found = jobs.job(conn, claim.job_id)
    assert (found.duration_seconds, found.finished_at) == (3.5, T0 + HOUR + 2 * SECOND)


def test_a_rescued_claim_counts_until_its_rescue(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    job_maintenance.rescue_stuck_jobs(
        conn, lease_seconds=30, reset_after=HOUR, retry=RetryPolicy(), now=T0 + 40 * SECOND
    )
    assert jobs.job(conn, claim.job_id).duration_seconds == 40


def test_a_cancelled_claim_counts_and_a_cancelled_wait_does_not(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    job_verbs.cancel(conn, job_id=claim.job_id, now=T0 + 7 * SECOND)
    assert jobs.job(conn, claim.job_id).duration_seconds == 7
    queued = jobs.enqueue(conn, "golang")
    job_verbs.cancel(conn, job_id=queued, now=T0 + 7 * SECOND)
    assert jobs.job(conn, queued).duration_seconds is None


def test_a_retry_by_an_operator_starts_the_duration_again(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "fail", now=T0 + 90 * SECOND)
    job_verbs.retry(conn, job_id=claim.job_id, now=T0 + HOUR)
    assert jobs.job(conn, claim.job_id).duration_seconds is None
    claim = jobs.claim_one(conn, now=T0 + HOUR)
    jobs.end_at(conn, claim, "complete", now=T0 + HOUR + SECOND)
    assert jobs.job(conn, claim.job_id).duration_seconds == 1


def test_a_clock_that_was_set_back_makes_no_negative_duration(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "complete", now=T0 - HOUR)
    assert jobs.job(conn, claim.job_id).duration_seconds == 0
