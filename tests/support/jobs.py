"""Create jobs in the state that a test needs, with the functions of the product."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.completion import Completion
from crawljobs.domain.job import ErrorKind, Job, JobSource, JobStatus, WaitReason
from crawljobs.repository.queue import (
    job_claim,
    job_completion,
    job_reads,
    parked_jobs,
)
from crawljobs.repository.queue.maintenance import job_maintenance, pause_parking
from support import enqueueing

# A time far from the real time. So a test fails if it forgets to pass its own time to a function.
T0 = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
LEASE_SECONDS = 30.0


def enqueue(conn: Connection, name: str = "python", **options: Any) -> int:
    options = {"priority": 50, "source": JobSource.USER, "now": T0, **options}
    return enqueueing.enqueue(conn, subreddit=name, **options).job_id


def claim_all(conn: Connection, *, at_most: int = 10, now: datetime = T0) -> list[Claim]:
    return job_claim.claim_jobs(
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
    found = job_reads.get_job(conn, job_id=job_id)
    assert found is not None
    return found


def waits(conn: Connection, job_id: int) -> tuple[WaitReason | None, datetime | None]:
    """Return the job's wait reason, or None if the job is not waiting, and the end of the wait."""
    found = job(conn, job_id)
    return found.wait_reason, found.waits_until


def sweep(conn: Connection, *, now: datetime | None = None) -> None:
    """Run the sweeps that a worker runs every two seconds for waiting jobs."""
    pause_parking.park_paused_jobs(conn, now=now)
    parked_jobs.settle_parked_jobs(conn, now=now)
    job_maintenance.requeue_due_jobs(conn, now=now)


def in_status(conn: Connection, status: JobStatus, name: str = "python") -> int:
    """Create a job in this status, and return its id."""
    if status is JobStatus.QUEUED:
        return enqueue(conn, name)
    if status is JobStatus.WAITING:
        return enqueue(conn, name, visible_at=T0 + timedelta(hours=1))
    if status is JobStatus.CANCELLED:
        job_id = enqueue(conn, name)
        conn.execute(
            text("UPDATE crawl_jobs SET status = :s, finished_at = now() WHERE id = :id"),
            {"s": status, "id": job_id},
        )
        return job_id
    claim = crawling(conn, name)
    if status is JobStatus.SUCCEEDED:
        complete(conn, claim=claim, outcome="crawled", now=T0)
    elif status is JobStatus.FAILED:
        fail(conn, claim=claim, kind=ErrorKind.PERMANENT, message="no", now=T0)
    return claim.job_id


def complete(conn: Connection, *, claim: Claim, outcome: str, now: datetime | None = None) -> None:
    job_completion.complete_claim(conn, completion.completed(claim, outcome), now=now)


def fail(
    conn: Connection, *, claim: Claim, kind: ErrorKind, message: str, now: datetime | None = None
) -> None:
    job_completion.complete_claim(
        conn, completion.failed(claim, kind=kind, message=message), now=now
    )


def schedule_retry(
    conn: Connection,
    *,
    claim: Claim,
    delay: timedelta,
    kind: ErrorKind,
    message: str,
    now: datetime | None = None,
) -> None:
    end = completion.retried(claim, delay=delay, kind=kind, message=message)
    job_completion.complete_claim(conn, end, now=now)


def release(conn: Connection, *, claim: Claim, now: datetime | None = None) -> None:
    job_completion.complete_claim(conn, completion.released(claim), now=now)


# For each way to end a claim: a function that returns the completion.
EACH_END: dict[str, Callable[[Claim], Completion]] = {
    "complete": lambda claim: completion.completed(claim, "crawled"),
    "fail": lambda claim: completion.failed(claim, kind=ErrorKind.PERMANENT, message="no"),
    "schedule_retry": lambda claim: completion.retried(
        claim, delay=timedelta(minutes=1), kind=ErrorKind.RETRYABLE, message="503"
    ),
    "defer": lambda claim: completion.deferred(
        claim, delay=timedelta(seconds=9), reason=WaitReason.RATE_LIMIT, message="later"
    ),
    "release": completion.released,
}

# For each way to end a claim: a function that writes the completion to the database.
ENDS: dict[str, Callable[[Connection, Claim], None]] = {
    how: lambda conn, claim, of=of: job_completion.complete_claim(conn, of(claim), now=T0)  # type: ignore[misc]
    for how, of in EACH_END.items()
}


def end_at(conn: Connection, claim: Claim, how: str, *, now: datetime) -> None:
    """End a claim at the time `now`. `how` is a key of EACH_END."""
    job_completion.complete_claim(conn, EACH_END[how](claim), now=now)
