"""A finished job names its follow-up job, and the follow-up job names the job before it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import ErrorKind, JobSource, JobStatus
from crawljobs.domain.job_filter import JobFilter
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import job_enqueue, job_list, operator_changes
from crawljobs.repository.queue.maintenance import job_maintenance
from support import job_verbs, jobs
from support.jobs import T0
from support.parked import SECOND, follow_up

MINUTE = timedelta(minutes=1)


def links(conn: Connection, job_id: int) -> tuple[int | None, int | None]:
    """Return the id of the job before this job, and the id of the job after it."""
    found = jobs.job(conn, job_id)
    return found.follow_up_of, found.follow_up_job_id


def rescue(conn: Connection) -> None:
    job_maintenance.rescue_stuck_jobs(
        conn, lease_seconds=30, reset_after=MINUTE, retry=RetryPolicy(), now=T0 + 3 * MINUTE
    )


@pytest.mark.parametrize("how", ["complete", "fail", "rescue"])
def test_the_end_of_a_crawl_links_the_job_and_its_follow_up(conn: Connection, how: str) -> None:
    claim = jobs.crawling(conn, max_retries=0)
    assert jobs.enqueue(conn, max_retries=0) == claim.job_id
    assert links(conn, claim.job_id) == (None, None)
    if how == "rescue":
        rescue(conn)
    else:
        jobs.end_at(conn, claim, how, now=T0)
    born = follow_up(conn, claim.job_id)
    assert links(conn, claim.job_id) == (None, born)
    assert links(conn, born) == (claim.job_id, None)
    page = job_list.list_jobs(conn, filters=JobFilter(), limit=9)
    listed = {job.id: job for job in page.jobs}
    assert listed[claim.job_id].follow_up_job_id == born
    assert listed[born].follow_up_of == claim.job_id


@pytest.mark.parametrize("how", ["schedule_retry", "defer", "release", "rescue"])
def test_a_crawl_that_goes_on_has_no_follow_up_yet(conn: Connection, how: str) -> None:
    claim = jobs.crawling(conn, max_retries=9)
    jobs.enqueue(conn)
    if how == "rescue":
        rescue(conn)
    else:
        jobs.end_at(conn, claim, how, now=T0)
    found = jobs.job(conn, claim.job_id)
    assert found.follow_up_job_id is None
    # A retry starts the crawl from the beginning, so it serves the request itself.
    assert found.rerun_requested is (how in ("defer", "release"))
    later = T0 + timedelta(days=1)
    jobs.sweep(conn, now=later)
    jobs.complete(conn, claim=jobs.claim_one(conn, now=later), outcome="crawled", now=later)
    assert (jobs.job(conn, claim.job_id).follow_up_job_id is None) is not found.rerun_requested


@pytest.mark.parametrize("verb", [operator_changes.Verb.CANCEL, operator_changes.Verb.GIVE_UP])
def test_a_job_that_an_operator_ends_has_no_follow_up(
    conn: Connection, verb: operator_changes.Verb
) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    operator_changes.change(conn, verb=verb, job_id=claim.job_id)
    assert links(conn, claim.job_id) == (None, None)
    assert jobs.job(conn, jobs.enqueue(conn)).follow_up_of is None


def test_a_crawl_that_ends_without_access_has_no_follow_up(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="banned", now=T0)
    assert links(conn, claim.job_id) == (None, None)


def test_follow_ups_are_a_chain(conn: Connection) -> None:
    first = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=first, outcome="crawled", now=T0)
    second = jobs.claim_one(conn)
    assert jobs.enqueue(conn) == second.job_id
    jobs.fail(conn, claim=second, kind=ErrorKind.PERMANENT, message="no", now=T0)
    third = jobs.claim_one(conn)
    assert links(conn, first.job_id) == (None, second.job_id)
    assert links(conn, second.job_id) == (first.job_id, third.job_id)
    assert links(conn, third.job_id) == (second.job_id, None)


def test_a_retried_job_names_its_newest_follow_up(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="no", now=T0)
    older = follow_up(conn, claim.job_id)
    job_verbs.cancel(conn, job_id=older)
    job_verbs.retry(conn, job_id=claim.job_id, now=T0)
    again = jobs.claim_one(conn, now=T0 + SECOND)
    assert again.job_id == claim.job_id
    jobs.enqueue(conn)
    jobs.complete(conn, claim=again, outcome="crawled", now=T0 + SECOND)
    newer = jobs.job(conn, claim.job_id).follow_up_job_id
    assert newer is not None
    assert newer > older
    assert links(conn, older)[0] == links(conn, newer)[0] == claim.job_id
    job_verbs.cancel(conn, job_id=newer)
    job_verbs.retry(conn, job_id=claim.job_id, now=T0)
    request = EnqueueRequest(("python",), 50, JobSource.USER)
    (change,) = job_enqueue.enqueue_with_jobs(conn, [request], now=T0)
    assert (change.after.id, change.after.follow_up_job_id) == (claim.job_id, newer)


def test_a_deleted_job_is_no_longer_named(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    born = follow_up(conn, claim.job_id)
    operator_changes.change(conn, verb=operator_changes.Verb.DELETE, job_id=claim.job_id)
    assert links(conn, born) == (None, None)
    assert jobs.job(conn, born).status is JobStatus.QUEUED


def test_an_enqueue_names_the_links_of_the_job_into_which_it_merges(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    (change,) = job_enqueue.enqueue_with_jobs(
        conn, [EnqueueRequest(("python",), 50, JobSource.USER)], now=T0
    )
    assert change.after.follow_up_of == claim.job_id
    assert change.before is not None
    assert change.before.follow_up_of == claim.job_id


def test_a_follow_up_of_the_previous_release_has_no_link(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.enqueue(conn)
    jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
    conn.execute(text("UPDATE crawl_jobs SET follow_up_of = NULL"))
    assert links(conn, claim.job_id) == (None, None)
