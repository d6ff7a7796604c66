"""The gauges of recent events: results of jobs, missed due times, and disappeared workers."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus, WaitReason
from crawljobs.repository import gauges, outcome_gauges
from crawljobs.repository.operations import service_instances
from support.jobs import T0, crawling, enqueue, in_status

MINUTE = timedelta(minutes=1)


def finish(conn: Connection, number: int, status: str, minutes_ago: float) -> None:
    conn.execute(
        text("""
            WITH subreddit AS (
                INSERT INTO subreddits (name) SELECT :status || n
                FROM generate_series(1, :number) AS n ON CONFLICT (lower(name))
                DO UPDATE SET name = excluded.name RETURNING id)
            INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source,
                finished_at)
            SELECT id, :status, 5, 5, 'user', :finished_at FROM subreddit"""),
        {"status": status, "number": number, "finished_at": T0 - minutes_ago * MINUTE},
    )


def test_the_results_of_few_jobs_are_counted_for_a_day(conn: Connection) -> None:
    finish(conn, 2, "succeeded", 1_441)
    finish(conn, 3, "failed", 1_439)
    finish(conn, 4, "cancelled", 1)
    finish(conn, 1, "succeeded", 1)
    found = gauges.read_gauges(conn, now=T0)
    assert (found.recent_failed, found.recent_succeeded) == (3, 1)


def test_of_many_jobs_only_the_newest_are_counted(conn: Connection) -> None:
    finish(conn, 200, "succeeded", 90)
    finish(conn, 18, "failed", 2)
    found = gauges.read_gauges(conn, now=T0)
    assert (found.recent_failed, found.recent_succeeded) == (18, outcome_gauges.SAMPLE - 18)


def test_the_last_success_is_that_of_the_newest_succeeded_job(conn: Connection) -> None:
    assert gauges.read_gauges(conn, now=T0).last_success_at is None
    finish(conn, 1, "succeeded", 90)
    finish(conn, 1, "succeeded", 30)
    finish(conn, 1, "failed", 1)
    assert gauges.read_gauges(conn, now=T0).last_success_at == (T0 - 30 * MINUTE).timestamp()


@pytest.mark.parametrize(
    ("reason", "pending"),
    [
        (WaitReason.OUTAGE, 1),
        (WaitReason.RATE_LIMIT, 1),
        (WaitReason.RETRY, 1),
        (WaitReason.LATER, 0),
        (WaitReason.PAUSED, 0),
        (WaitReason.POLITENESS, 0),
    ],
)
def test_work_is_pending_while_a_job_waits_for_reddit_or_a_retry(
    conn: Connection, reason: WaitReason, pending: int
) -> None:
    in_status(conn, JobStatus.WAITING)
    conn.execute(
        text("UPDATE crawl_jobs SET wait_reason = :reason, visible_at = :now"),
        {"reason": reason.value, "now": T0},
    )
    assert gauges.read_gauges(conn, now=T0).work_pending == pending


@pytest.mark.parametrize(
    ("reason", "kind", "minutes", "pending"),
    [
        (WaitReason.RETRY, "retryable", -600, 1),
        (WaitReason.RETRY, "retryable", 5, 1),
        (WaitReason.RETRY, "retryable", 6, 0),
        (WaitReason.RETRY, "deferred", 1, 0),
        (WaitReason.RETRY, "deferred", -1, 0),
        (WaitReason.OUTAGE, "deferred", 60, 1),
        (WaitReason.RATE_LIMIT, "deferred", 60, 1),
    ],
)
def test_a_retry_is_pending_only_shortly_before_it_is_due(
    conn: Connection, reason: WaitReason, kind: str, minutes: float, pending: int
) -> None:
    in_status(conn, JobStatus.WAITING)
    conn.execute(
        text("UPDATE crawl_jobs SET wait_reason = :reason, error_kind = :kind, visible_at = :due"),
        {"reason": reason.value, "kind": kind, "due": T0 + minutes * MINUTE},
    )
    assert gauges.read_gauges(conn, now=T0).work_pending == pending


def test_work_is_pending_while_a_job_is_queued_or_crawled(conn: Connection) -> None:
    assert gauges.read_gauges(conn, now=T0).work_pending == 0
    finish(conn, 1, "failed", 1)
    assert gauges.read_gauges(conn, now=T0).work_pending == 0
    enqueue(conn, "queued", now=T0)
    assert gauges.read_gauges(conn, now=T0).work_pending == 1
    conn.execute(text("DELETE FROM crawl_jobs"))
    crawling(conn, "crawling")
    assert gauges.read_gauges(conn, now=T0).work_pending == 1


def test_missed_and_skipped_due_times_count_for_fifteen_minutes(conn: Connection) -> None:
    conn.execute(
        text("""
            INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, ticks, fired_at, outcome)
            VALUES (1, :now - interval '9 h', 7, :now, 'missed'),
                (2, :now, 1, :now, 'skipped'), (3, :now, 1, :now, 'enqueued'),
                (4, :now, 1, :now, 'merged'), (5, :now, 9, :now - interval '15 min', 'missed')"""),
        {"now": T0},
    )
    assert gauges.read_gauges(conn, now=T0).missed_ticks == 8
    assert gauges.read_gauges(conn, now=T0 + 15 * MINUTE).missed_ticks == 0


@pytest.mark.parametrize(("seconds", "lost"), [(59, 0), (60, 1), (899, 1), (900, 0)])
def test_a_worker_without_heartbeats_is_lost_for_fifteen_minutes(
    conn: Connection, seconds: int, lost: int
) -> None:
    for role in ("crawler-worker", "scheduler"):
        service_instances.seen(
            conn, name=role, role=role, version="1", details={}, starts=True, now=T0
        )
    now = T0 + timedelta(seconds=seconds)
    assert gauges.read_gauges(conn, now=now).workers_lost == lost


def test_a_worker_that_ends_normally_is_not_lost(conn: Connection) -> None:
    service_instances.seen(
        conn, name="w", role="crawler-worker", version="1", details={}, starts=True, now=T0
    )
    service_instances.gone(conn, name="w")
    assert gauges.read_gauges(conn, now=T0 + 5 * MINUTE).workers_lost == 0


def start(conn: Connection, *, minutes: float, run_id: UUID | None, role: str) -> None:
    now = T0 + minutes * MINUTE
    service_instances.seen(
        conn, name="w", role=role, version="1", details={}, run_id=run_id, starts=True, now=now
    )


@pytest.mark.parametrize(("role", "lost"), [("crawler-worker", 1), ("scheduler", 0)])
@pytest.mark.parametrize("run_id", [uuid4(), None])  # None: a worker of an earlier release
def test_a_killed_worker_that_restarts_under_its_name_is_lost_for_fifteen_minutes(
    conn: Connection, role: str, lost: int, run_id: UUID | None
) -> None:
    start(conn, minutes=0, run_id=run_id, role=role)
    assert gauges.read_gauges(conn, now=T0).workers_lost == 0
    second = uuid4()
    start(conn, minutes=0.1, run_id=second, role=role)
    for minutes, expected in ((0.2, lost), (15, lost), (15.2, 0)):
        now = T0 + minutes * MINUTE
        service_instances.seen(
            conn, name="w", role=role, version="1", details={}, run_id=second, now=now
        )
        assert gauges.read_gauges(conn, now=now).workers_lost == expected


def test_a_first_heartbeat_that_is_sent_twice_is_no_loss(conn: Connection) -> None:
    run_id = uuid4()
    for _ in range(2):
        start(conn, minutes=0, run_id=run_id, role="crawler-worker")
    assert gauges.read_gauges(conn, now=T0).workers_lost == 0
