"""Jobs are enqueued and claimed, and requests are merged into live jobs."""

import threading
import uuid
from datetime import timedelta

import pytest

from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import EnqueueResult, JobSource, JobStatus, WaitReason
from crawljobs.repository.queue import job_claim
from support import enqueueing, jobs, listed_jobs
from support.jobs import T0


def enqueue_result(conn: Connection, name: str, **options: object) -> EnqueueResult:
    values = {"priority": 50, "source": JobSource.USER, "now": T0, **options}
    return enqueueing.enqueue(conn, subreddit=name, **values).result


def test_enqueue_makes_a_job_that_is_claimable_now(conn: Connection) -> None:
    job = jobs.job(conn, jobs.enqueue(conn, "Python", priority=42))
    assert (job.subreddit, job.status, job.priority) == ("Python", JobStatus.QUEUED, 42)
    assert job.visible_at == job.queued_at == job.created_at == T0


def test_claim_finds_nothing_in_an_empty_queue(conn: Connection) -> None:
    assert jobs.claim_all(conn) == []


def test_a_job_for_later_waits_and_says_so(conn: Connection) -> None:
    job = jobs.job(conn, jobs.enqueue(conn, visible_at=T0 + timedelta(minutes=1)))
    assert (job.status, job.wait_reason) == (JobStatus.WAITING, WaitReason.LATER)
    assert jobs.claim_all(conn) == []


def test_a_bad_name_is_refused_before_anything_is_written(conn: Connection) -> None:
    with pytest.raises(errors.InvalidSubredditName):
        enqueueing.enqueue_many(
            conn, subreddits_named=["good", "not good"], priority=1, source=JobSource.USER
        )
    assert listed_jobs.list_jobs(conn) == []


def test_names_that_differ_in_case_are_one_subreddit(conn: Connection) -> None:
    first = jobs.enqueue(conn, "Python")
    results = enqueueing.enqueue_many(
        conn,
        subreddits_named=["PYTHON", "rust", "pythoN"],
        priority=10,
        source=JobSource.USER,
        now=T0,
    )
    assert [(r.subreddit, r.result) for r in results] == [
        ("Python", EnqueueResult.MERGED),
        ("rust", EnqueueResult.CREATED),
    ]
    assert results[0].job_id == first


def test_a_merge_keeps_the_higher_priority(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, priority=30)
    assert enqueue_result(conn, "python", priority=10) is EnqueueResult.MERGED
    assert jobs.job(conn, job_id).priority == 30
    enqueue_result(conn, "python", priority=70)
    assert jobs.job(conn, job_id).priority == jobs.job(conn, job_id).base_priority == 70


def test_a_merge_keeps_the_wider_of_what_was_asked(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, source=JobSource.DISCOVERY, depth=2, max_retries=1)
    enqueue_result(conn, "python", max_retries=9)
    job = jobs.job(conn, job_id)
    assert (job.depth, job.max_retries, job.priority_ceiling) == (0, 9, 100)
    enqueue_result(conn, "python", max_retries=2, depth=1)
    job = jobs.job(conn, job_id)
    assert (job.depth, job.max_retries) == (0, 9)


def test_a_merge_brings_a_job_for_later_forward(conn: Connection) -> None:
    job_id = jobs.enqueue(conn, visible_at=T0 + timedelta(hours=2))
    enqueue_result(conn, "python", visible_at=T0 + timedelta(hours=1))
    assert jobs.job(conn, job_id).visible_at == T0 + timedelta(hours=1)
    enqueue_result(conn, "python")
    assert jobs.job(conn, job_id).status is JobStatus.QUEUED


@pytest.mark.parametrize("end", ["schedule_retry", "defer"])
def test_a_merge_never_cancels_a_backoff(conn: Connection, end: str) -> None:
    claim = jobs.crawling(conn)
    jobs.ENDS[end](conn, claim)
    before = jobs.job(conn, claim.job_id)
    assert enqueue_result(conn, "python", priority=90) is EnqueueResult.MERGED
    after = jobs.job(conn, claim.job_id)
    assert (after.status, after.visible_at) == (JobStatus.WAITING, before.visible_at)
    assert after.priority == 90


def test_a_merge_into_a_running_crawl_asks_for_one_rerun(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    assert enqueue_result(conn, "python", priority=10, source=JobSource.SCHEDULE) is (
        EnqueueResult.RERUN_REQUESTED
    )
    assert enqueue_result(conn, "python", priority=60) is EnqueueResult.RERUN_REQUESTED
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    (follow_up, ended) = listed_jobs.list_jobs(conn)
    assert ended.id == claim.job_id
    assert not ended.rerun_requested
    assert (follow_up.status, follow_up.priority) == (JobStatus.QUEUED, 60)
    assert follow_up.source is JobSource.USER


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_a_finished_job_does_not_stand_in_the_way(conn: Connection, status: JobStatus) -> None:
    jobs.in_status(conn, status)
    assert enqueue_result(conn, "python") is EnqueueResult.CREATED


def test_claims_come_by_priority_then_age(conn: Connection) -> None:
    late = T0 + timedelta(seconds=1)
    for name, priority, at in (("aa", 10, T0), ("bb", 90, late), ("cc", 90, T0), ("dd", 50, T0)):
        jobs.enqueue(conn, name, priority=priority, now=at)
    assert [claim.subreddit for claim in jobs.claim_all(conn, at_most=3, now=late)] == [
        "cc",
        "bb",
        "dd",
    ]


def test_a_claim_takes_no_more_than_asked_and_marks_each(conn: Connection) -> None:
    for n in range(5):
        jobs.enqueue(conn, f"sub_{n}")
    claimed = jobs.claim_all(conn, at_most=3)
    assert len(claimed) == 3
    job = jobs.job(conn, claimed[0].job_id)
    assert (job.status, job.claimed_by, job.claimed_at) == (JobStatus.CRAWLING, "worker-1", T0)
    assert job.lease_expires_at == T0 + timedelta(seconds=jobs.LEASE_SECONDS)
    assert len(jobs.claim_all(conn)) == 2


def test_a_claim_whose_reply_was_lost_can_be_asked_for(database: Database) -> None:
    token = uuid.uuid4()
    with database.begin() as conn:
        jobs.enqueue(conn)
        claimed = job_claim.claim_jobs(
            conn, worker="w", claim_token=token, at_most=1, lease_seconds=30, now=T0
        )
    with database.begin() as conn:
        assert job_claim.find_claims(conn, claim_token=token) == claimed
        assert job_claim.find_claims(conn, claim_token=uuid.uuid4()) == []


def test_workers_that_claim_at_once_share_the_queue_without_doubles(database: Database) -> None:
    with database.begin() as conn:
        enqueueing.enqueue_many(
            conn,
            subreddits_named=[f"sub_{n}" for n in range(60)],
            priority=1,
            source=JobSource.USER,
        )
    claimed: list[int] = []
    start = threading.Barrier(4, timeout=10)

    def work() -> None:
        start.wait()
        while True:
            with database.begin() as conn:
                got = job_claim.claim_jobs(
                    conn, worker="w", claim_token=uuid.uuid4(), at_most=3, lease_seconds=30
                )
            if not got:
                return
            claimed.extend(claim.job_id for claim in got)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(claimed) == len(set(claimed)) == 60
