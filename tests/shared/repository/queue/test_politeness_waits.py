"""Jobs wait for the gap between two crawls of one subreddit."""

from datetime import timedelta

import pytest

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from support import job_verbs, jobs
from support.jobs import T0
from support.parked import DAY, HOUR, MINUTE, SECOND, crawl_gap, crawled, deferred, status


def test_the_gap_between_two_crawls_is_not_the_end_of_a_crawl_that_has_begun(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    crawled(conn)
    crawl_gap(conn, 7 * DAY)
    deferred(conn, WaitReason.POLITENESS, 50 * SECOND, claim=claim)
    assert jobs.waits(conn, claim.job_id) == (WaitReason.POLITENESS, T0 + 50 * SECOND)
    jobs.sweep(conn, now=T0 + 50 * SECOND)
    assert status(conn, claim.job_id) is JobStatus.QUEUED


@pytest.mark.parametrize("gap", [None, timedelta(seconds=5), timedelta(0)])
def test_a_gap_that_is_shortened_frees_the_job_in_time(
    conn: Connection, gap: timedelta | None
) -> None:
    crawled(conn)
    crawl_gap(conn, DAY)
    job_id = jobs.enqueue(conn)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + DAY)
    crawl_gap(conn, gap, now=T0 + 3 * SECOND)
    if gap:
        assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + gap)
        jobs.sweep(conn, now=T0 + gap)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_gap_that_is_lengthened_makes_the_job_wait_on(conn: Connection) -> None:
    crawled(conn)
    crawl_gap(conn, 10 * SECOND)
    job_id = jobs.enqueue(conn)
    crawl_gap(conn, HOUR)
    jobs.sweep(conn, now=T0 + MINUTE)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + HOUR)


def test_a_new_gap_between_requests_lets_the_crawl_reckon_again(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    deferred(conn, WaitReason.POLITENESS, HOUR, claim=claim)
    crawl_gap(conn, None, now=T0 + SECOND)
    assert status(conn, claim.job_id) is JobStatus.QUEUED


def test_a_crawl_that_has_begun_does_not_wait_for_the_gap_between_crawls(
    conn: Connection,
) -> None:
    crawled(conn)
    crawl_gap(conn, DAY)
    job_id = jobs.enqueue(conn)
    job_verbs.wake(conn, job_id=job_id, now=T0)
    jobs.ENDS["schedule_retry"](conn, jobs.claim_one(conn))
    jobs.sweep(conn, now=T0 + HOUR)
    assert status(conn, job_id) is JobStatus.QUEUED
