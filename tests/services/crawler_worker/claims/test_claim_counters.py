"""A worker counts its claims, how they end, and its requests to Reddit."""

from datetime import timedelta

import prometheus_client
import pytest

from crawler_worker.claims import claim_counters
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.maintenance.sweeps import Maintenance
from crawler_worker.reddit import request_counters as reddit_counting
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource, JobStatus
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from support import enqueueing, jobs
from support.claims import CLAIM
from support.counted import counted
from support.jobs import EACH_END, T0
from support.waiting import wait_until
from support.worker_thread import Start, enqueue, wait_for


def claim(retry_count: int = 0, waited: float = 0.0) -> Claim:
    return CLAIM._replace(retry_count=retry_count, claimed_at=T0 + timedelta(seconds=waited))


def seconds_waited() -> float:
    waited = prometheus_client.REGISTRY.get_sample_value("crawl_job_wait_seconds_sum")
    assert waited is not None
    return waited


def test_a_lost_claim_is_counted_once() -> None:
    held = HeldClaim(claim(), requested_at=0.0, lease_seconds=30)
    with counted() as grown:
        held.mark_lost()
        held.mark_lost()
    assert grown == {"job_attempts_total{fenced}": 1}


def test_a_part_that_was_given_up_is_counted_by_its_kind_and_reason() -> None:
    part = MissingPart(PartKind.TREE, "abc", PartReason.TROUBLE, "500", 1, T0)
    with counted() as grown:
        claim_counters.given_up(part)
    assert grown == {"parts_given_up_total{tree,trouble}": 1}


def test_a_job_that_a_worker_enqueues_is_counted_by_its_source_and_result() -> None:
    created, merged = (
        Enqueued(job_id=1, subreddit="python", result=result)
        for result in (EnqueueResult.CREATED, EnqueueResult.MERGED)
    )
    with counted() as grown:
        claim_counters.enqueued(JobSource.STALE, [created, created, merged])
    assert grown == {
        "jobs_enqueued_total{stale,created}": 2,
        "jobs_enqueued_total{stale,merged}": 1,
    }


def test_a_claim_counts_how_long_each_of_its_jobs_waited() -> None:
    before = seconds_waited()
    with counted() as grown:
        claim_counters.claimed([claim(waited=7), claim(waited=-1)], seconds=0.002)
    assert grown == {"claim_duration_seconds_count{}": 1, "job_wait_seconds_count{}": 2}
    assert seconds_waited() - before == pytest.approx(7)


@pytest.mark.parametrize(
    ("how", "grown_by"),
    [
        (
            "complete",
            {
                "job_attempts_total{succeeded}": 1,
                "jobs_finished_total{succeeded}": 1,
                "job_duration_seconds_count{}": 1,
            },
        ),
        (
            "fail",
            {
                "job_attempts_total{failed}": 1,
                "jobs_finished_total{failed}": 1,
                "job_duration_seconds_count{}": 1,
            },
        ),
        (
            "schedule_retry",
            {
                "job_attempts_total{failed}": 1,
                "job_retries_total{}": 1,
                "job_duration_seconds_count{}": 1,
            },
        ),
        ("defer", {"job_attempts_total{deferred}": 1}),
        ("release", {"job_attempts_total{released}": 1}),
    ],
)
def test_each_way_to_end_is_counted(how: str, grown_by: dict[str, float]) -> None:
    with counted() as grown:
        claim_counters.completed([(EACH_END[how](claim()), 3.0)])
    assert grown == grown_by


def test_a_success_after_a_retry_counts_as_one() -> None:
    complete, fail = EACH_END["complete"], EACH_END["fail"]
    with counted() as grown:
        claim_counters.completed(
            [(complete(claim(1)), 1.0), (complete(claim(0)), 1.0), (fail(claim(2)), 1.0)]
        )
    assert grown["job_retries_succeeded_total{}"] == 1


def test_a_worker_counts_what_it_claims_and_ends(database: Database, start: Start) -> None:
    with counted() as grown:
        start(lambda held: "crawled")
        (job_id,) = enqueue(database, "python")
        wait_for(database, job_id, JobStatus.SUCCEEDED)
    assert grown["job_wait_seconds_count{}"] == 1
    assert grown["jobs_finished_total{succeeded}"] == 1


def test_a_rescue_counts_retries_and_failed_jobs(database: Database) -> None:
    with database.begin() as conn:
        for name, retries in (("again", 3), ("failed", 0)):
            enqueueing.enqueue(
                conn, subreddit=name, priority=50, source=JobSource.USER, max_retries=retries
            )
        jobs.claim_all(conn, now=None)
        conn.exec_driver_sql("UPDATE crawl_jobs SET lease_expires_at = now() - interval '1 s'")
    maintenance = Maintenance(database, settings.read_queue_settings({"LEASE_SECONDS": "1.5"}))
    with counted() as grown:
        # After the server's start, the sweep rescues no job for the time of one lease.
        assert wait_until(maintenance.rescue, timeout=10, describe="a rescue") == 2
    assert grown == {
        "job_attempts_total{lease_expired}": 2,
        "jobs_finished_total{failed}": 1,
        "job_retries_total{}": 1,
        "audit_rows_total{rescue}": 1,
    }


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/r/python/about", "about"),
        ("/r/python/comments", "comments"),
        ("/r/python/new", "posts"),
        ("/r/python", "posts"),
        ("/comments/abc/_/def", "tree"),
        ("/api/morechildren", "more_children"),
        ("/api/info", "info"),
        ("/api/v1/access_token", "token"),
        ("/api/unknown", "other"),
        ("/api", "other"),
        ("/user/ada/overview", "history"),
        ("/", "other"),
    ],
)
def test_a_request_to_reddit_counts_as_its_kind_of_page(path: str, endpoint: str) -> None:
    with counted() as grown:
        reddit_counting.replied(path, 200)
    assert grown == {f"reddit_requests_total{{{endpoint},200}}": 1}


@pytest.mark.parametrize(
    ("status", "code"), [(200, "200"), (429, "429"), (418, "4xx"), (599, "5xx"), (204, "2xx")]
)
def test_a_rare_status_counts_as_its_class(status: int, code: str) -> None:
    with counted() as grown:
        reddit_counting.replied("/api/info", status)
    assert grown == {f"reddit_requests_total{{info,{code}}}": 1}


@pytest.mark.parametrize(("is_late", "code"), [(True, "timeout"), (False, "none")])
def test_a_request_without_a_reply_is_counted(is_late: bool, code: str) -> None:
    with counted() as grown:
        reddit_counting.failed("/api/info", is_late=is_late)
    assert grown == {f"reddit_requests_total{{info,{code}}}": 1}
