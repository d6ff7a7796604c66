"""Idle workers get a hint when a job becomes claimable, and no hint otherwise."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.queue import parked_jobs, queue_pauses
from crawljobs.repository.queue.maintenance import job_maintenance
from support import job_verbs, jobs
from support.heard_hints import heard
from support.jobs import T0
from support.parked import deferred, pause, scope_of

HOUR = timedelta(hours=1)


def waiting(conn: Connection) -> int:
    return jobs.in_status(conn, JobStatus.WAITING)


def crawling(conn: Connection) -> int:
    return jobs.in_status(conn, JobStatus.CRAWLING)


def failed(conn: Connection) -> int:
    return jobs.in_status(conn, JobStatus.FAILED)


def paused(conn: Connection) -> int:
    pause(conn)
    return jobs.enqueue(conn)


def paused_by_nothing(conn: Connection) -> int:
    job_id = paused(conn)
    conn.execute(text("DELETE FROM queue_pauses"))
    return job_id


def waits_for_reddit(conn: Connection) -> int:
    return deferred(conn, WaitReason.RATE_LIMIT, HOUR)


def everything_paused(conn: Connection) -> int:
    queue_pauses.pause(conn, scope=queue_pauses.EVERYTHING, reason="r", paused_by="me", now=T0)
    return jobs.enqueue(conn)


def rescue(conn: Connection, now: timedelta) -> None:
    job_maintenance.rescue_stuck_jobs(
        conn,
        lease_seconds=jobs.LEASE_SECONDS,
        reset_after=timedelta(minutes=15),
        retry=RetryPolicy(),
        now=T0 + now,
    )


Act = Callable[[Connection, int], object]
CASES: dict[str, tuple[Callable[[Connection], int], Act, bool]] = {
    "requeue": (
        waiting,
        lambda conn, _: job_maintenance.requeue_due_jobs(conn, now=T0 + HOUR),
        True,
    ),
    "requeue too early": (
        waiting,
        lambda conn, _: job_maintenance.requeue_due_jobs(conn, now=T0),
        False,
    ),
    "rescue": (crawling, lambda conn, _: rescue(conn, HOUR), True),
    "rescue nothing": (crawling, lambda conn, _: rescue(conn, timedelta()), False),
    "settle": (
        paused_by_nothing,
        lambda conn, _: parked_jobs.settle_parked_jobs(conn, now=T0),
        True,
    ),
    "settle nothing": (paused, lambda conn, _: parked_jobs.settle_parked_jobs(conn, now=T0), False),
    "settle one": (
        paused_by_nothing,
        lambda conn, _: parked_jobs.settle_job_of(conn, subreddit_id=scope_of(conn), now=T0),
        True,
    ),
    "free from Reddit": (
        waits_for_reddit,
        lambda conn, _: parked_jobs.free_from_reddit(conn, now=T0),
        True,
    ),
    "pause": (jobs.enqueue, lambda conn, _: pause(conn), False),
    "resume": (
        paused,
        lambda conn, _: queue_pauses.resume(conn, scope=scope_of(conn), now=T0),
        True,
    ),
    "resume everything": (
        everything_paused,
        lambda conn, _: queue_pauses.resume(conn, scope=queue_pauses.EVERYTHING, now=T0),
        True,
    ),
    "resume nothing": (
        jobs.enqueue,
        lambda conn, _: queue_pauses.resume(conn, scope=scope_of(conn), now=T0),
        False,
    ),
    "wake": (waiting, lambda conn, job_id: job_verbs.wake(conn, job_id=job_id, now=T0), True),
    "retry": (failed, lambda conn, job_id: job_verbs.retry(conn, job_id=job_id, now=T0), True),
    "boost": (waiting, lambda conn, job_id: job_verbs.boost(conn, job_id=job_id, by=1), False),
    "cancel": (waiting, lambda conn, job_id: job_verbs.cancel(conn, job_id=job_id, now=T0), False),
    "enqueue for now": (failed, lambda conn, _: jobs.enqueue(conn), True),
    "enqueue for later": (
        failed,
        lambda conn, _: jobs.enqueue(conn, visible_at=T0 + HOUR),
        False,
    ),
    "enqueue a waiting job for now": (waiting, lambda conn, _: jobs.enqueue(conn), True),
    "enqueue a crawling job": (crawling, lambda conn, _: jobs.enqueue(conn), False),
    "enqueue another": (jobs.enqueue, lambda conn, _: jobs.enqueue(conn, "rust"), False),
}


@pytest.mark.parametrize("case", CASES)
def test_workers_get_a_hint_of_a_job_that_becomes_claimable(database: Database, case: str) -> None:
    prepare, act, expected = CASES[case]
    with database.begin() as conn:
        job_id = prepare(conn)
    assert heard(database, lambda conn: act(conn, job_id)) == ([""] if expected else [])
