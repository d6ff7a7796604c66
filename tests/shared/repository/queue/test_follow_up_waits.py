"""The time when the follow-up job of a rerun request may start."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue.maintenance import clock_setbacks
from support import jobs
from support.jobs import T0
from support.parked import (
    DAY,
    HOUR,
    MINUTE,
    PARKED_MAX,
    SECOND,
    follow_up,
    pause,
    resume,
    status,
)


@pytest.mark.parametrize("until", [None, T0 + 2 * HOUR])
def test_a_follow_up_does_not_wait_for_a_pause_that_is_over(
    conn: Connection, until: datetime | None
) -> None:
    claim = jobs.crawling(conn)
    pause(conn, until=until)
    assert jobs.enqueue(conn) == claim.job_id
    resume(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 + SECOND)
    born = follow_up(conn, claim.job_id)
    assert status(conn, born) is JobStatus.QUEUED


def test_a_follow_up_waits_for_the_pause_that_is_in_force_when_it_is_born(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    pause(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    born = follow_up(conn, claim.job_id)
    assert jobs.waits(conn, born) == (WaitReason.PAUSED, None)
    assert jobs.job(conn, born).visible_at <= T0 + PARKED_MAX
    resume(conn)
    assert status(conn, born) is JobStatus.QUEUED


def test_a_follow_up_asked_for_later_waits_until_then(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    pause(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    resume(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    assert jobs.waits(conn, follow_up(conn, claim.job_id)) == (WaitReason.LATER, T0 + DAY)


@pytest.mark.parametrize("now_first", [False, True])
def test_of_two_requests_for_a_rerun_the_earlier_time_counts(
    conn: Connection, now_first: bool
) -> None:
    claim = jobs.crawling(conn)
    times = [T0 + HOUR, T0 + DAY]
    for at in times if now_first else reversed(times):
        jobs.enqueue(conn, visible_at=at)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    assert jobs.waits(conn, follow_up(conn, claim.job_id)) == (WaitReason.LATER, T0 + HOUR)


def test_a_request_for_now_beside_one_for_later_reruns_at_once(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0 + SECOND)
    assert status(conn, follow_up(conn, claim.job_id)) is JobStatus.QUEUED


def test_the_end_of_a_pause_in_a_wish_of_the_previous_release_counts_for_nothing(
    conn: Connection,
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    conn.execute(text("UPDATE crawl_jobs SET rerun_visible_at = '9999-12-31T00:00:00Z'"))
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    assert status(conn, follow_up(conn, claim.job_id)) is JobStatus.QUEUED


@pytest.mark.parametrize("paused", [True, False])
def test_a_follow_up_that_the_previous_release_made_for_never_is_freed(
    conn: Connection, paused: bool
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    made = follow_up(conn, claim.job_id)
    for_never = """
        UPDATE crawl_jobs SET status = 'waiting', wait_reason = 'later',
            visible_at = '9999-12-31T00:00:00Z', created_at = CAST(:now AS timestamptz)
        WHERE id = :id
        """
    conn.execute(text(for_never), {"id": made, "now": T0 + timedelta(milliseconds=1)})
    asked_for = jobs.enqueue(conn, "rust", visible_at=datetime(9999, 12, 31, tzinfo=UTC))
    if paused:
        pause(conn)
    for what in clock_setbacks.MENDS:
        clock_setbacks.mend(conn, what=what, retry=RetryPolicy(), now=T0 + MINUTE)
    jobs.sweep(conn, now=T0 + MINUTE)
    expected = JobStatus.WAITING if paused else JobStatus.QUEUED
    assert status(conn, made) is expected
    if paused:
        assert jobs.waits(conn, made) == (WaitReason.PAUSED, None)
    assert jobs.waits(conn, asked_for)[0] is WaitReason.LATER
