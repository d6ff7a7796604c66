"""A parked job waits for a stored cause, and no longer than this cause lasts."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import FREED_WITHIN_SECONDS, JobStatus, WaitReason
from crawljobs.repository.queue import parked_jobs, queue_pauses
from support import job_verbs, jobs
from support.jobs import T0
from support.parked import (
    DAY,
    MINUTE,
    PARKED_MAX,
    SECOND,
    crawl_gap,
    crawled,
    deferred,
    pause,
    resume,
    scope_of,
    status,
    without_cause,
)


@pytest.mark.parametrize("before", [None, T0 + DAY, T0 + 30 * SECOND])
@pytest.mark.parametrize("after", [None, T0 + 2 * DAY, T0 + 8 * SECOND, T0 + 90 * SECOND])
def test_a_parked_job_follows_a_pause_that_is_changed(
    conn: Connection, before: datetime | None, after: datetime | None
) -> None:
    job_id = jobs.enqueue(conn)
    pause(conn, until=before)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, before)
    pause(conn, until=after)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, after)
    assert jobs.job(conn, job_id).visible_at <= min(T0 + PARKED_MAX, after or T0 + DAY)
    end = after or T0 + 3 * DAY
    for at in (T0 + 7 * SECOND, T0 + PARKED_MAX, end - SECOND):
        if at < end:
            jobs.sweep(conn, now=at)
            assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, after)
    jobs.sweep(conn, now=end)
    assert (status(conn, job_id) is JobStatus.QUEUED) is (after is not None)


def test_a_pause_that_is_changed_to_be_over_frees_its_job(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    pause(conn)
    pause(conn, until=T0)
    assert status(conn, job_id) is JobStatus.QUEUED
    assert len(jobs.claim_all(conn)) == 1


def test_a_job_is_never_parked_for_more_than_a_minute(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    for minutes in range(5):
        at = T0 + minutes * MINUTE
        jobs.sweep(conn, now=at)
        assert at < jobs.job(conn, job_id).visible_at <= at + PARKED_MAX
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)


def test_a_pause_deleted_by_hand_frees_its_job_at_the_next_sweep(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    conn.execute(text("DELETE FROM queue_pauses"))
    assert without_cause(conn) == [job_id]
    jobs.sweep(conn, now=T0)
    assert (status(conn, job_id), without_cause(conn)) == (JobStatus.QUEUED, [])


def test_a_sweep_that_cannot_look_at_all_looks_at_those_parked_last(conn: Connection) -> None:
    pause(conn)
    jobs.enqueue(conn)
    at = T0 + 10 * SECOND
    queue_pauses.pause(conn, scope=scope_of(conn, "rust"), reason="r", paused_by="ops", now=at)
    last = jobs.enqueue(conn, "rust", now=at)
    conn.execute(text("DELETE FROM queue_pauses"))
    assert parked_jobs.settle_parked_jobs(conn, at_most=1, now=at) == 1
    assert status(conn, last) is JobStatus.QUEUED


def test_a_job_parked_for_ever_by_the_previous_release_is_freed(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    conn.execute(text("UPDATE crawl_jobs SET visible_at = '9999-12-31T00:00:00Z'"))
    assert without_cause(conn) == [job_id]
    jobs.sweep(conn, now=T0)
    assert (jobs.waits(conn, job_id), without_cause(conn)) == ((WaitReason.PAUSED, None), [])
    resume(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_everything_paused_parks_nothing(conn: Connection) -> None:
    job_id = jobs.enqueue(conn)
    queue_pauses.pause(conn, scope=queue_pauses.EVERYTHING, reason="r", paused_by="me", now=T0)
    jobs.sweep(conn, now=T0)
    assert (status(conn, job_id), jobs.claim_all(conn)) == (JobStatus.QUEUED, [])
    assert queue_pauses.resume(conn, scope=queue_pauses.EVERYTHING, now=T0)
    assert len(jobs.claim_all(conn)) == 1


def test_a_woken_job_of_a_paused_subreddit_is_parked_again(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    job_verbs.wake(conn, job_id=job_id, now=T0)
    assert jobs.claim_all(conn) == []
    jobs.sweep(conn, now=T0)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)


@pytest.mark.parametrize("paused", [False, True])
def test_a_request_for_now_ends_a_wait_for_later(conn: Connection, paused: bool) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + 7 * DAY)
    if paused:
        pause(conn)
    assert jobs.enqueue(conn) == job_id
    if paused:
        assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)
        resume(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_a_request_for_later_does_not_put_off_one_for_now(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)
    resume(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


def test_of_two_requests_for_later_the_earlier_counts(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + 2 * DAY)
    pause(conn)
    jobs.enqueue(conn, visible_at=T0 + DAY)
    jobs.enqueue(conn, visible_at=T0 + 3 * DAY)
    assert jobs.waits(conn, job_id) == (WaitReason.LATER, T0 + DAY)
    jobs.sweep(conn, now=T0 + DAY)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, None)


def test_a_request_frees_a_job_whose_pause_is_gone(conn: Connection) -> None:
    pause(conn)
    job_id = jobs.enqueue(conn)
    conn.execute(text("DELETE FROM queue_pauses"))
    jobs.enqueue(conn)
    assert status(conn, job_id) is JobStatus.QUEUED


@pytest.mark.parametrize("how", ["schedule_retry", "defer"])
def test_a_request_cuts_no_backoff_short(conn: Connection, how: str) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS[how](conn, claim)
    before = jobs.waits(conn, claim.job_id)
    jobs.enqueue(conn)
    assert jobs.waits(conn, claim.job_id) == before


def test_a_request_does_not_cut_the_gap_between_two_requests_short(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    deferred(conn, WaitReason.POLITENESS, 50 * SECOND, claim=claim)
    jobs.enqueue(conn)
    assert jobs.waits(conn, claim.job_id) == (WaitReason.POLITENESS, T0 + 50 * SECOND)


def test_a_wait_that_is_overdue_breaks_the_invariant(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + MINUTE)
    late = T0 + MINUTE + timedelta(seconds=FREED_WITHIN_SECONDS)
    assert parked_jobs.waiting_without_cause(conn, now=late) == []
    (found,) = parked_jobs.waiting_without_cause(conn, now=late + SECOND)
    assert (found.job_id, found.wait_reason) == (job_id, WaitReason.LATER)


def test_politeness_that_is_over_breaks_the_invariant(conn: Connection) -> None:
    crawled(conn)
    crawl_gap(conn, DAY)
    job_id = jobs.enqueue(conn)
    assert without_cause(conn) == []
    conn.execute(text("UPDATE subreddits SET min_crawl_gap_seconds = NULL"))
    assert without_cause(conn) == [job_id]
    jobs.sweep(conn, now=T0)
    assert without_cause(conn) == []


def test_a_pause_that_just_ended_by_itself_is_still_a_reason_within_the_grace(
    conn: Connection,
) -> None:
    pause(conn, until=T0 + 10 * SECOND)
    job_id = jobs.enqueue(conn)
    at = T0 + 12 * SECOND
    assert parked_jobs.waiting_without_cause(conn, now=at) == []
    assert without_cause(conn, now=at) == [job_id]
