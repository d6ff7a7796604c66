"""Read the gauges for monitoring: the state of the queue, the schedules and the database.

No query scans a whole table: live jobs and schedules are counted by an index, up to a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from crawljobs.domain.group_totals import GroupTotals
from crawljobs.domain.queue_stats import JobCounts
from crawljobs.domain.request_budget import USABLE_SHARE, PausedReason
from crawljobs.domain.webhook_totals import WebhookTotals
from crawljobs.repository import gauge_query
from crawljobs.repository.content.deletion_checks import check_progress
from crawljobs.repository.content.deletion_checks.check_progress import CheckProgress
from crawljobs.repository.groups import group_counts
from crawljobs.repository.queue import job_counts, parked_jobs
from crawljobs.repository.webhooks import delivery_counts

SCHEDULES_MAX = 100_000  # the counts of enabled and of disabled schedules stop at this number
ALIVE_WITHIN = timedelta(seconds=60)  # a worker is alive if its last heartbeat is at most this old


@dataclass(frozen=True)
class Gauges:
    """The values of all gauges at one time."""

    jobs: JobCounts
    groups: GroupTotals
    webhooks: WebhookTotals
    longest_crawl_seconds: float
    expired_leases: float
    oldest_queued_seconds: float
    enabled_schedules: float
    disabled_schedules: float
    schedule_lag_seconds: float
    workers_alive: float
    # The number of lost workers: their last heartbeat is 1 to 15 minutes old, or they were killed
    # and started again within the last 15 minutes.
    workers_lost: float
    # The numbers of failed and succeeded jobs among the newest 100 jobs that ended in one of these
    # two ways in the last day.
    recent_failed: float
    recent_succeeded: float
    # 1 while a job is queued, is crawled, waits for Reddit, or waits for a retry that is due within
    # 5 minutes.
    work_pending: float
    last_success_at: float | None  # in seconds since 1970; None if no stored job has succeeded
    # The number of due times that the ledger recorded as missed or skipped in the last 15 minutes.
    missed_ticks: float
    oldest_xmin_seconds: float
    dead_tuple_ratio: float
    database_bytes: float
    waiting_without_cause: float
    paused: dict[PausedReason, bool]  # for each reason: whether all workers pause for it
    reddit_budget_remaining: float | None  # None before the first request to Reddit
    content_checks: CheckProgress | None  # None while the deletion walk is off


def oldest_transaction_seconds(conn: Connection, *, now: datetime | None = None) -> float:
    """Return the age of the oldest transaction that prevents the removal of dead rows, or 0.

    A role without `pg_read_all_stats` sees only the transactions of its own sessions.
    """
    return float(conn.execute(gauge_query.HORIZON, {"now": now}).scalar_one())


def read_gauges(
    conn: Connection,
    *,
    now: datetime | None = None,
    schedules_at_most: int = SCHEDULES_MAX,
    jobs_at_most: int = job_counts.COUNT_MAX,
    waits_at_most: int = parked_jobs.SCAN_LIMIT,
) -> Gauges:
    """Return the values of all gauges.

    The count of live jobs in each status stops at `jobs_at_most`. The counts of enabled and of
    disabled schedules stop at `schedules_at_most`. Each scan for jobs that wait without a cause
    stops at `waits_at_most` jobs.
    """
    values = {"now": now, "share": USABLE_SHARE, "alive_within": ALIVE_WITHIN}
    row = conn.execute(gauge_query.all_gauges(schedules_at_most), values).one()
    numbers: dict[str, Any] = {
        name: None if value is None else float(value)
        for name, value in row._mapping.items()
        if name != "paused"
    }
    return Gauges(
        jobs=job_counts.count_jobs(conn, at_most=jobs_at_most),
        groups=group_counts.count_groups(conn, now=now),
        webhooks=delivery_counts.count_webhooks(conn, now=now),
        content_checks=check_progress.progress(conn, now=now),
        waiting_without_cause=len(
            parked_jobs.waiting_without_cause(conn, scan_limit=waits_at_most, now=now)
        ),
        paused={reason: reason in row.paused for reason in PausedReason},
        **numbers,
    )
