"""Read the gauges for monitoring: the state of the queue, the schedules and the database.

No query scans a table: live jobs and schedules are counted up to a limit, along an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from crawljobs.domain.queue_stats import JobCounts
from crawljobs.domain.request_budget import USABLE_SHARE, PausedReason
from crawljobs.repository.queue import job_stats, parked_jobs
from crawljobs.repository.queue.queue_sql import NOW
from crawljobs.repository.schedules.schedule_reads import bounded

SCHEDULES_MAX = 100_000  # enabled schedules counted at most, and disabled ones
ALIVE_WITHIN = timedelta(seconds=60)  # longer than the interval of a worker's heartbeat

# Crawling jobs are few: at most the number of slots of all workers.
_CRAWLING = """
    SELECT coalesce(max(extract(epoch FROM clock.now - claimed_at)), 0) AS longest_crawl_seconds,
        count(*) FILTER (WHERE lease_expires_at < clock.now) AS expired_leases
    FROM clock LEFT JOIN crawl_jobs ON status = 'crawling'"""

_OLDEST_QUEUED = f"""
    SELECT coalesce(max(extract(epoch FROM clock.now - queued_at)), 0) AS oldest_queued_seconds
    FROM clock LEFT JOIN ({job_stats.OLDEST_QUEUED}) AS oldest ON true"""


def _schedules(at_most: int) -> str:
    return f"""
    SELECT enabled_schedules, disabled_schedules FROM (
        SELECT count(*) AS enabled_schedules FROM (
            SELECT 1 FROM scheduled_jobs WHERE enabled ORDER BY next_run_at LIMIT {at_most}
        ) AS counted
    ) AS enabled, (
        SELECT count(*) AS disabled_schedules FROM (
            SELECT 1 FROM scheduled_jobs WHERE NOT enabled ORDER BY id LIMIT {at_most}
        ) AS counted
    ) AS disabled"""


# A time written by hand may be infinite. Before PostgreSQL 17, a difference with it is an error.
_LAG = f"""
    SELECT greatest(coalesce(max(extract(epoch FROM clock.now - next_run_at)), 0), 0)
        AS schedule_lag_seconds
    FROM clock LEFT JOIN (
        SELECT {bounded("next_run_at")} AS next_run_at
        FROM scheduled_jobs WHERE enabled ORDER BY scheduled_jobs.next_run_at LIMIT 1
    ) AS next ON true"""

_WORKERS = """
    SELECT count(*) AS workers_alive FROM service_instances, clock
    WHERE role = 'crawler-worker' AND seen_at > clock.now - CAST(:alive_within AS interval)"""

# The age of the oldest transaction whose snapshot keeps vacuum from removing dead rows.
_HORIZON = """
    SELECT coalesce(max(extract(epoch FROM clock.now - since)), 0) AS oldest_xmin_seconds
    FROM clock LEFT JOIN (
        SELECT xact_start AS since FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xmin IS NOT NULL
            AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        UNION ALL
        SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()
    ) AS transactions ON true"""

_DEAD = """
    SELECT coalesce(dead::float8 / nullif(dead + live, 0), 0) AS dead_tuple_ratio
    FROM pg_stat_get_dead_tuples(to_regclass('crawl_jobs')) AS dead,
        pg_stat_get_live_tuples(to_regclass('crawl_jobs')) AS live"""

_SIZE = "SELECT pg_database_size(current_database()) AS database_bytes"

# The smallest remaining budget of all client ids.
_BUDGET = """
    SELECT min(CASE
        WHEN outage_until > clock.now OR paused_until > clock.now THEN 0
        ELSE floor(requests_per_window * CAST(:share AS float8)) - CASE
            WHEN window_started_at + make_interval(secs => window_seconds) > clock.now
            THEN reserved ELSE 0 END
        END) AS reddit_budget_remaining
    FROM reddit_budgets, clock"""


# A circuit breaker without a probe in the last 10 minutes is ignored: there was nothing to crawl,
# so its state says nothing about Reddit now.
_PAUSED = """
    SELECT coalesce(array_agg(DISTINCT CASE
            WHEN outage_until > clock.now - interval '10 minutes'
                THEN coalesce(nullif(paused_reason, 'rate_limit'), 'outage')
            WHEN paused_until > clock.now THEN 'rate_limit' END), '{}') AS paused
    FROM clock LEFT JOIN reddit_budgets ON true"""


@lru_cache(maxsize=4)
def _all(schedules_at_most: int) -> TextClause:
    parts = [_CRAWLING, _OLDEST_QUEUED, _schedules(schedules_at_most), _LAG, _WORKERS, _HORIZON]
    parts += [_DEAD, _SIZE, _BUDGET, _PAUSED]
    return text(
        f"WITH clock (now) AS MATERIALIZED (SELECT {NOW}) SELECT * FROM "
        + ", ".join(f"({query}) AS part_{number}" for number, query in enumerate(parts))
    )


@dataclass(frozen=True)
class Gauges:
    """The values of all gauges at one time."""

    jobs: JobCounts
    longest_crawl_seconds: float
    expired_leases: float
    oldest_queued_seconds: float
    enabled_schedules: float
    disabled_schedules: float
    schedule_lag_seconds: float
    workers_alive: float
    oldest_xmin_seconds: float
    dead_tuple_ratio: float
    database_bytes: float
    waiting_without_cause: float
    paused: dict[PausedReason, bool]  # whether all workers pause for this reason
    reddit_budget_remaining: float | None  # None before the first request to Reddit


def read_gauges(
    conn: Connection, *, now: datetime | None = None, schedules_at_most: int = SCHEDULES_MAX
) -> Gauges:
    """Return the gauges.

    Counts stop at job_stats.COUNT_MAX jobs of each state, and at `schedules_at_most` enabled and as
    many disabled schedules.
    """
    values = {"now": now, "share": USABLE_SHARE, "alive_within": ALIVE_WITHIN}
    row = conn.execute(_all(schedules_at_most), values).one()
    numbers: dict[str, Any] = {
        name: None if value is None else float(value)
        for name, value in row._mapping.items()
        if name != "paused"
    }
    return Gauges(
        jobs=job_stats.count_jobs(conn),
        waiting_without_cause=len(parked_jobs.waiting_without_cause(conn, now=now)),
        paused={reason: reason in row.paused for reason in PausedReason},
        **numbers,
    )
