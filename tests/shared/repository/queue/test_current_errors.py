"""A job shows an error only while the error explains its state; the attempts keep all errors."""

from datetime import timedelta

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import ErrorKind, JobStatus, WaitReason
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.queue import job_list, job_reads
from support import job_verbs, jobs
from support.jobs import T0
from support.parked import pause, resume

MINUTE = timedelta(minutes=1)
SHOWN = (ErrorKind.RETRYABLE, "503")


def error(conn: Connection, job_id: int) -> tuple[ErrorKind | None, str | None]:
    found = jobs.job(conn, job_id)
    return found.error_kind, found.error_message


def found_by_error(conn: Connection) -> list[int]:
    """Return the jobs that each of the filters on errors finds."""
    kinds = JobFilter(error_kind=ErrorKind.RETRYABLE)
    texts = JobFilter(error_text="50")
    of_kind, of_text = (
        [job.id for job in job_list.list_jobs(conn, filters=filters, limit=9).jobs]
        for filters in (kinds, texts)
    )
    assert of_kind == of_text
    return of_kind


def test_a_retried_crawl_does_not_show_the_error_before(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "schedule_retry", now=T0)
    assert error(conn, claim.job_id) == SHOWN
    assert found_by_error(conn) == [claim.job_id]
    jobs.sweep(conn, now=T0 + MINUTE)
    assert jobs.job(conn, claim.job_id).status is JobStatus.QUEUED
    assert (error(conn, claim.job_id), found_by_error(conn)) == ((None, None), [])
    again = jobs.claim_one(conn, now=T0 + MINUTE)
    assert (error(conn, claim.job_id), found_by_error(conn)) == ((None, None), [])
    jobs.end_at(conn, again, "schedule_retry", now=T0 + MINUTE)
    assert error(conn, claim.job_id) == SHOWN
    attempts = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert [attempt.error_message for attempt in attempts] == ["503", "503"]


def test_a_job_that_an_operator_retries_shows_no_error(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.fail(conn, claim=claim, kind=ErrorKind.RETRYABLE, message="503", now=T0)
    assert (error(conn, claim.job_id), found_by_error(conn)) == (SHOWN, [claim.job_id])
    job_verbs.retry(conn, job_id=claim.job_id, now=T0)
    row = conn.execute(text("SELECT error_kind, error_message FROM crawl_jobs")).one()
    assert tuple(row) == (None, None)
    assert (error(conn, claim.job_id), found_by_error(conn)) == ((None, None), [])
    job_verbs.cancel(conn, job_id=claim.job_id, now=T0)
    assert (error(conn, claim.job_id), found_by_error(conn)) == ((None, None), [])
    (attempt,) = job_reads.list_attempts(conn, job_id=claim.job_id)
    assert (attempt.error_kind, attempt.error_message) == SHOWN


def test_a_pause_between_two_attempts_is_no_error(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "schedule_retry", now=T0)
    jobs.sweep(conn, now=T0 + MINUTE)
    pause(conn)
    jobs.sweep(conn, now=T0 + MINUTE)
    assert jobs.job(conn, claim.job_id).wait_reason is WaitReason.PAUSED
    assert (error(conn, claim.job_id), found_by_error(conn)) == ((None, None), [])
    resume(conn)
    assert jobs.job(conn, claim.job_id).status is JobStatus.QUEUED


def test_a_deferral_shows_its_error_while_the_job_waits(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "defer", now=T0)
    assert error(conn, claim.job_id) == (ErrorKind.DEFERRED, "later")
    jobs.sweep(conn, now=T0 + MINUTE)
    assert error(conn, claim.job_id) == (None, None)


def test_a_cancelled_job_shows_no_error_of_an_attempt(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    jobs.end_at(conn, claim, "schedule_retry", now=T0)
    job_verbs.cancel(conn, job_id=claim.job_id, now=T0)
    assert (error(conn, claim.job_id), found_by_error(conn)) == ((None, None), [])
