"""A subreddit that was crawled too short a while ago is left alone, as it is configured."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobSource, JobStatus, WaitReason
from crawljobs.repository import job_admin, job_queue, queue_pauses, subreddits
from crawljobs.repository.subreddits import Marks
from support import jobs
from support.jobs import T0

GAP = timedelta(minutes=10)


def polite(conn: Connection, name: str = "python") -> int:
    """The subreddit's id; its last crawl ended at T0."""
    (subreddit_id,) = subreddits.ensure(conn, names=[name], discovered_from=None, depth=0).values()
    subreddits.set_politeness(
        conn, subreddit_id=subreddit_id, request_gap=None, crawl_gap=GAP.total_seconds()
    )
    subreddits.finish_crawl(conn, subreddit_id=subreddit_id, marks=Marks(), now=T0)
    return subreddit_id


def test_a_crawl_asked_for_too_soon_is_born_waiting(conn: Connection) -> None:
    polite(conn)
    job = jobs.job(conn, jobs.enqueue(conn, now=T0 + timedelta(minutes=4)))
    assert (job.status, job.wait_reason) == (JobStatus.WAITING, WaitReason.POLITENESS)
    assert job.waits_until == T0 + GAP


def test_one_asked_for_later_is_queued_at_once(conn: Connection) -> None:
    polite(conn)
    assert jobs.job(conn, jobs.enqueue(conn, now=T0 + GAP)).status is JobStatus.QUEUED


def test_a_subreddit_without_a_gap_of_its_own_is_crawled_when_asked_for(conn: Connection) -> None:
    subreddit_id = polite(conn)
    subreddits.set_politeness(conn, subreddit_id=subreddit_id, request_gap=2, crawl_gap=None)
    assert jobs.job(conn, jobs.enqueue(conn)).status is JobStatus.QUEUED


def test_asking_twice_does_not_end_the_wait_but_waking_does(conn: Connection) -> None:
    polite(conn)
    job_id = jobs.enqueue(conn)
    assert jobs.enqueue(conn, priority=90) == job_id
    assert jobs.job(conn, job_id).wait_reason is WaitReason.POLITENESS
    job_admin.wake(conn, job_id=job_id, now=T0)
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED


def test_a_job_for_later_waits_for_the_later_of_both(conn: Connection) -> None:
    polite(conn)
    due = T0 + timedelta(minutes=1)
    job_id = jobs.enqueue(conn, visible_at=due)
    assert jobs.waits(conn, job_id) == (WaitReason.LATER, due)
    jobs.sweep(conn, now=due)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + GAP)
    jobs.sweep(conn, now=T0 + GAP)
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED


def test_a_pause_that_ends_earlier_does_not_end_politeness(conn: Connection) -> None:
    subreddit_id = polite(conn)
    until = T0 + timedelta(minutes=1)
    queue_pauses.pause(
        conn, scope=subreddit_id, reason="why not", paused_by="me", until=until, now=T0
    )
    job_id = jobs.enqueue(conn)
    assert jobs.waits(conn, job_id) == (WaitReason.PAUSED, until)
    jobs.sweep(conn, now=until)
    assert jobs.waits(conn, job_id) == (WaitReason.POLITENESS, T0 + GAP)


def test_the_rerun_of_a_crawl_is_polite_too(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    assert jobs.enqueue(conn) == claim.job_id
    polite(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    (rerun,) = conn.execute(text("SELECT id FROM crawl_jobs WHERE id > :id"), {"id": claim.job_id})
    assert jobs.waits(conn, rerun.id) == (WaitReason.POLITENESS, T0 + GAP)


def test_many_are_enqueued_each_with_its_own_gap(conn: Connection) -> None:
    polite(conn, "rust")
    found = job_queue.enqueue_many(
        conn, subreddits_named=["go", "rust", "zig"], priority=5, source=JobSource.USER, now=T0
    )
    states = {each.subreddit: jobs.job(conn, each.job_id).status.value for each in found}
    assert states == {"go": "queued", "rust": "waiting", "zig": "queued"}


@pytest.mark.parametrize(("request_gap", "crawl_gap"), [(-1, None), (None, -1), (1e9, None)])
def test_a_gap_that_makes_no_sense_is_refused(
    conn: Connection, request_gap: float | None, crawl_gap: float | None
) -> None:
    subreddit_id = polite(conn)
    with pytest.raises(ValueError, match="gap"):
        subreddits.set_politeness(
            conn, subreddit_id=subreddit_id, request_gap=request_gap, crawl_gap=crawl_gap
        )
