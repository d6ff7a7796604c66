"""The statistics of the queue: which jobs, pauses and waits they count, at the bounds."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import JobStatus
from crawljobs.domain.queue_stats import QueueStats
from crawljobs.repository.queue import job_counts, job_stats
from crawljobs.repository.queue.explained import job_explain
from support import jobs
from support.jobs import T0
from support.sweep_cases import job

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def stats(conn: Connection) -> QueueStats:
    return job_stats.queue_stats(conn, now=T0)


def insert(conn: Connection, name: str, *, waited: float | None = None, **values: Any) -> None:
    """Insert a job that was claimable for `waited` seconds before its claim."""
    conn.execute(text("INSERT INTO subreddits (name) VALUES (:name)"), {"name": name})
    columns, marks = ", ".join(values), ", ".join(f":{key}" for key in values)
    job_id = conn.execute(
        text(
            f"INSERT INTO crawl_jobs (subreddit_id, {columns}) "
            f"SELECT id, {marks} FROM subreddits WHERE name = :name RETURNING id"
        ),
        {**values, "name": name},
    ).scalar_one()
    if waited is not None:
        conn.execute(
            text(
                "INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome) "
                "VALUES (:id, 'w', :at, :at, 'succeeded')"
            ),
            {"id": job_id, "at": values["visible_at"] + timedelta(seconds=waited)},
        )


def test_the_rates_count_retries_but_no_cancelled_job(conn: Connection) -> None:
    for name, status, retries in (
        ("smooth", "succeeded", 0),
        ("once", "succeeded", 1),
        ("twice", "succeeded", 2),
        ("unretried", "failed", 1),
        ("retried", "failed", 2),
        ("stopped", "cancelled", 3),
    ):
        insert(conn, name, **job(status, retries=retries, finished_at=T0 - HOUR + SECOND))
    insert(conn, "old", **job("failed", retries=2, finished_at=T0 - HOUR))
    recent = stats(conn).recent
    assert (recent.sampled, recent.since) == (6, T0 - HOUR + SECOND)
    assert recent.finished_per_minute == pytest.approx(5 / (3599 / 60))
    assert recent.failure_rate == 2 / 5
    assert recent.retry_success_rate == 2 / 3


@pytest.mark.parametrize(
    ("started", "seen", "minutes"),
    [
        (3, 0, 3),  # three minutes after the start of the worker
        (50, 0, 50),
        (24 * 60, 0, 60),  # a system without much work: the rate applies to the last hour
        (24 * 60, 59, 60),  # the worker before an upgrade
        (24 * 60, 61, 1),  # a worker that has been down for more than an hour
        (None, None, 1),
    ],
)
def test_a_rate_applies_to_the_time_since_the_workers_started(
    conn: Connection, started: int | None, seen: int, minutes: int
) -> None:
    insert(conn, "recent", **job("succeeded", finished_at=T0 - MINUTE))
    if started is not None:
        conn.execute(
            text(
                "INSERT INTO service_instances (name, role, version, started_at, seen_at, details) "
                "VALUES ('w', 'crawler-worker', '1', :started, :seen, '{}')"
            ),
            {"started": T0 - started * MINUTE, "seen": T0 - seen * MINUTE},
        )
    recent = stats(conn).recent
    assert recent.observed_seconds == minutes * 60
    assert recent.finished_per_minute == pytest.approx(1 / minutes)


def test_a_rate_counts_the_time_of_the_first_crawl(conn: Connection) -> None:
    """The newest job finished a minute ago, after a wait of no time and a crawl of 9 minutes."""
    finished = T0 - MINUTE
    claimable = job("succeeded", visible_at=T0 - 10 * MINUTE, finished_at=finished)
    insert(conn, "long", waited=0, **claimable)
    assert stats(conn).recent.finished_per_minute == pytest.approx(1 / 10)


def test_a_wait_begins_when_the_job_becomes_claimable(conn: Connection) -> None:
    finished = {"finished_at": T0 - SECOND}
    for number, waited in enumerate((0, 10, 20)):
        insert(conn, f"sub{number}", waited=waited, **job("succeeded", **finished))
    late = job("succeeded", queued_at=T0 - 2 * HOUR, visible_at=T0 - HOUR, **finished)
    insert(conn, "late", waited=30, **late)
    # After a rescue, the job is visible again later than its last claim.
    insert(conn, "rescued", waited=-5, **job("failed", **finished))
    recent = stats(conn).recent
    assert recent.wait_seconds_p50 == 15
    assert recent.wait_seconds_p95 == pytest.approx(28.5)


@pytest.mark.parametrize(
    ("pauses", "paused", "subreddits"),
    [
        ({}, False, 0),
        ({0: None}, True, 0),
        ({0: T0 + SECOND}, True, 0),
        ({0: T0}, False, 0),  # the pause ends now
        ({1: None}, False, 1),
        ({1: None, 2: T0 + SECOND, 3: T0, 0: T0 + HOUR}, True, 2),
    ],
)
def test_only_pauses_in_force_are_counted(
    conn: Connection, pauses: dict[int, Any], paused: bool, subreddits: int
) -> None:
    for scope, until in pauses.items():
        conn.execute(
            text(
                "INSERT INTO queue_pauses (scope, reason, until, paused_by) "
                "VALUES (:scope, 'r', :until, 'ops')"
            ),
            {"scope": scope, "until": until},
        )
    found = stats(conn)
    assert (found.paused, found.paused_subreddits) == (paused, subreddits)


@pytest.mark.parametrize(("ago", "seconds"), [(300, 300.0), (0, 0.0), (-60, 0.0)])
def test_the_oldest_job_never_waits_for_less_than_no_time(
    conn: Connection, ago: int, seconds: float
) -> None:
    jobs.enqueue(conn, now=T0 - ago * SECOND)
    found = stats(conn)
    assert (found.oldest_queued_at, found.oldest_queued_seconds) == (T0 - ago * SECOND, seconds)


@pytest.mark.parametrize(("count", "shown", "is_capped"), [(3, 3, False), (4, 3, True)])
def test_a_count_of_live_jobs_stops_at_its_maximum(
    conn: Connection, count: int, shown: int, *, is_capped: bool
) -> None:
    for number in range(6):
        jobs.in_status(conn, JobStatus.FAILED, f"over{number}")
    for number in range(count):
        insert(conn, f"waiting{number}", **job("waiting"))
        insert(conn, f"queued{number}", **job())
    found = job_counts.count_jobs(conn, at_most=3)
    limited = {JobStatus.WAITING, JobStatus.QUEUED}
    assert found.by_status == {
        **dict.fromkeys(JobStatus, 0),
        JobStatus.FAILED: 6,
        **dict.fromkeys(limited, shown),
    }
    assert found.capped == (limited if is_capped else set())
    read = conn.execute(job_counts._live(JobStatus.WAITING, 3)).one()
    assert tuple(read) == (
        "waiting",
        min(count, 4),
    )  # the statement reads one job more than is shown


def test_a_long_queue_is_counted_up_to_ten_thousand_jobs_ahead(conn: Connection) -> None:
    conn.execute(text("INSERT INTO subreddits (name) SELECT 'sub' || n "
                      "FROM generate_series(1, 10001) n"))  # fmt: skip
    conn.execute(
        text(
            "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
            "created_at) SELECT id, 'queued', 50, 50, 'user', :at FROM subreddits"
        ),
        {"at": T0 - HOUR},
    )
    for name, priority in (("behind", 10), ("younger", 50)):
        job_id = jobs.enqueue(conn, name, priority=priority)
        found = job_explain.surroundings(conn, job=jobs.job(conn, job_id), now=T0)
        assert (found.ahead, found.ahead_at_least) == (10_000, True)
        conn.execute(text("DELETE FROM crawl_jobs WHERE id = :id"), {"id": job_id})
