"""A subreddit is not crawled again before its configured gap has passed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobSource, JobStatus, WaitReason
from crawljobs.repository.content import crawl_history, politeness_gaps, stored_subreddits
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.queue import queue_pauses
from support import enqueueing, job_verbs, jobs
from support.jobs import T0

GAP = timedelta(minutes=10)
SECOND = timedelta(seconds=1)


def polite(conn: Connection, name: str = "python") -> int:
    """Return the id of a subreddit with a gap, whose last crawl ended at T0."""
    (subreddit_id,) = stored_subreddits.ensure(
        conn, names=[name], discovered_from=None, depth=0
    ).values()
    politeness_gaps.set_politeness(
        conn, subreddit_id=subreddit_id, request_gap=None, crawl_gap=GAP.total_seconds()
    )
    crawl_history.finish_crawl(conn, subreddit_id=subreddit_id, marks=Marks(), now=T0)
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
    politeness_gaps.set_politeness(conn, subreddit_id=subreddit_id, request_gap=2, crawl_gap=None)
    assert jobs.job(conn, jobs.enqueue(conn)).status is JobStatus.QUEUED


def test_asking_twice_does_not_end_the_wait_but_waking_does(conn: Connection) -> None:
    polite(conn)
    job_id = jobs.enqueue(conn)
    assert jobs.enqueue(conn, priority=90) == job_id
    assert jobs.job(conn, job_id).wait_reason is WaitReason.POLITENESS
    job_verbs.wake(conn, job_id=job_id, now=T0)
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
    found = enqueueing.enqueue_many(
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
        politeness_gaps.set_politeness(
            conn, subreddit_id=subreddit_id, request_gap=request_gap, crawl_gap=crawl_gap
        )


def woken(conn: Connection) -> int:
    job_id = jobs.enqueue(conn)
    job_verbs.wake(conn, job_id=job_id, now=T0)
    return job_id


def woken_later(conn: Connection) -> int:
    job_id = jobs.enqueue(conn, visible_at=T0 + timedelta(days=1))
    job_verbs.wake(conn, job_id=job_id, now=T0)
    return job_id


def retried(conn: Connection) -> int:
    job_id = jobs.enqueue(conn)
    job_verbs.cancel(conn, job_id=job_id, now=T0)
    job_verbs.retry(conn, job_id=job_id, now=T0)
    return job_id


def released(conn: Connection) -> int:
    """Return a job that a worker released at its shutdown, before the crawl's first page."""
    job_id = woken(conn)
    jobs.ENDS["release"](conn, jobs.claim_one(conn))
    return job_id


def asked_for_again(conn: Connection) -> int:
    job_id = woken(conn)
    assert jobs.enqueue(conn, priority=90) == job_id
    return job_id


FREED = [woken, woken_later, retried, released, asked_for_again]


@pytest.mark.parametrize("end", ["resumed", "over", "changed", "merged"])
@pytest.mark.parametrize("freed", FREED)
def test_what_an_operator_let_begin_begins_after_a_pause_too(
    conn: Connection, freed: Callable[[Connection], int], end: str
) -> None:
    subreddit_id = polite(conn)
    job_id = freed(conn)
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED
    until = None if end == "resumed" else T0 + 30 * SECOND
    pause = {"scope": subreddit_id, "reason": "why not", "paused_by": "me"}
    queue_pauses.pause(conn, **pause, until=until, now=T0)
    jobs.sweep(conn, now=T0 + SECOND)
    assert jobs.job(conn, job_id).wait_reason is WaitReason.PAUSED
    now = T0 + 31 * SECOND
    if end == "resumed":
        queue_pauses.resume(conn, scope=subreddit_id, now=now)
    elif end == "changed":
        queue_pauses.pause(conn, **pause, until=T0 + 40 * SECOND, now=T0 + 2 * SECOND)
        now = T0 + 41 * SECOND
        jobs.sweep(conn, now=now)
    elif end == "merged":  # the request comes before the sweep
        assert jobs.enqueue(conn, now=now) == job_id
        jobs.sweep(conn, now=now)
    else:
        jobs.sweep(conn, now=now)
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED


def test_a_wake_during_a_pause_counts_when_the_pause_ends(conn: Connection) -> None:
    subreddit_id = polite(conn)
    queue_pauses.pause(conn, scope=subreddit_id, reason="why not", paused_by="me", now=T0)
    job_id = woken(conn)
    jobs.sweep(conn, now=T0 + SECOND)
    assert jobs.job(conn, job_id).wait_reason is WaitReason.PAUSED
    queue_pauses.resume(conn, scope=subreddit_id, now=T0 + SECOND)
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED


def test_a_wake_counts_for_its_own_job_alone(conn: Connection) -> None:
    polite(conn)
    woken(conn)
    jobs.complete(conn, claim=jobs.claim_one(conn), outcome="crawled", now=T0)
    polite(conn)
    assert jobs.job(conn, jobs.enqueue(conn)).wait_reason is WaitReason.POLITENESS
