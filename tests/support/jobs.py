"""Jobs in the state a test needs, made by the production functions alone."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import Claim, ErrorKind, Job, JobSource, JobStatus, WaitReason
from crawljobs.repository import claims, job_queries, job_queue

# Far from any real clock, so that a test which forgets to pass its own time shows it.
T0 = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
LEASE_SECONDS = 30.0


def enqueue(conn: Connection, name: str = "python", **options: Any) -> int:
    options = {"priority": 50, "source": JobSource.USER, "now": T0, **options}
    return job_queue.enqueue(conn, subreddit=name, **options).job_id


def claim_all(conn: Connection, *, at_most: int = 10, now: datetime = T0) -> list[Claim]:
    return job_queue.claim_jobs(
        conn,
        worker="worker-1",
        claim_token=uuid.uuid4(),
        at_most=at_most,
        lease_seconds=LEASE_SECONDS,
        now=now,
    )


def claim_one(conn: Connection, *, now: datetime = T0) -> Claim:
    (claim,) = claim_all(conn, at_most=1, now=now)
    return claim


def crawling(conn: Connection, name: str = "python", **options: Any) -> Claim:
    enqueue(conn, name, **options)
    return claim_one(conn)


def job(conn: Connection, job_id: int) -> Job:
    found = job_queries.get_job(conn, job_id=job_id)
    assert found is not None
    return found


def in_status(conn: Connection, status: JobStatus, name: str = "python") -> int:
    """The id of a job in this status."""
    if status is JobStatus.QUEUED:
        return enqueue(conn, name)
    if status is JobStatus.WAITING:
        return enqueue(conn, name, visible_at=T0 + timedelta(hours=1))
    if status in (JobStatus.BLOCKED, JobStatus.CANCELLED):
        job_id = enqueue(conn, name)
        finished = "now()" if status is JobStatus.CANCELLED else "NULL"
        conn.execute(
            text(f"UPDATE crawl_jobs SET status = :s, finished_at = {finished} WHERE id = :id"),
            {"s": status, "id": job_id},
        )
        return job_id
    claim = crawling(conn, name)
    if status is JobStatus.SUCCEEDED:
        claims.complete(conn, claim=claim, outcome="crawled", now=T0)
    elif status is JobStatus.FAILED:
        claims.fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="no", now=T0)
    return claim.job_id


ENDS: dict[str, Any] = {
    "complete": lambda conn, claim: claims.complete(conn, claim=claim, outcome="crawled", now=T0),
    "fail": lambda conn, claim: claims.fail(
        conn, claim=claim, kind=ErrorKind.PERMANENT, message="no", now=T0
    ),
    "schedule_retry": lambda conn, claim: claims.schedule_retry(
        conn,
        claim=claim,
        delay=timedelta(minutes=1),
        kind=ErrorKind.RETRYABLE,
        message="503",
        now=T0,
    ),
    "defer": lambda conn, claim: claims.defer(
        conn,
        claim=claim,
        delay=timedelta(seconds=9),
        reason=WaitReason.RATE_LIMIT,
        message="later",
        now=T0,
    ),
    "release": lambda conn, claim: claims.release(conn, claim=claim, now=T0),
}
