"""Estimate the requests a day of all enabled schedules, from the requests of recent crawls."""

from __future__ import annotations

from sqlalchemy import Connection, text

from crawljobs.domain import schedule_limit
from crawljobs.domain.schedule_limit import Quota
from crawljobs.repository.queue import queue_sql

# Newest finished jobs: enough for an average, and few enough to read at each edit of a schedule.
RECENT_JOBS = 2_000

_RECENT = queue_sql.newest_finished(
    "id, finished_at, subreddit_id, status, checkpoint", limit=RECENT_JOBS
)

# A subreddit without a recent crawl counts with the average of the others. Workers write the
# checkpoints, so a value that is no plausible number is left out. A schedule without runs_per_day
# counts as one run a day.
_ESTIMATE = text(f"""
    WITH recent AS MATERIALIZED (
        SELECT subreddit_id, status, checkpoint -> 'requests' AS requests FROM ({_RECENT}) AS job
    ), crawls AS (
        SELECT subreddit_id, CAST(requests AS numeric) AS requests FROM recent
        WHERE status = 'succeeded' AND CASE WHEN jsonb_typeof(requests) = 'number'
            THEN CAST(requests AS numeric) BETWEEN 0 AND 100000 ELSE false END
    ), averages AS (
        SELECT subreddit_id, avg(requests) AS requests FROM crawls GROUP BY subreddit_id
    )
    SELECT CAST(coalesce(sum(coalesce(schedule.runs_per_day, 1) * coalesce(
            averages.requests, (SELECT avg(requests) FROM crawls), :default
        )), 0) AS double precision) AS requests_per_day,
        (
            SELECT CAST(sum(
                CAST(requests_per_window AS double precision) / window_seconds
            ) AS double precision)
            FROM reddit_budgets
            WHERE next_slot_at > (SELECT max(next_slot_at) FROM reddit_budgets) - INTERVAL '1 day'
        ) AS budget_per_second
    FROM scheduled_jobs AS schedule
        LEFT JOIN averages ON averages.subreddit_id = schedule.subreddit_id
    WHERE schedule.enabled
    """)


def estimate(conn: Connection) -> Quota:
    """Return the estimated requests and the budget; reads every enabled schedule once.

    A client id that was not used for one day adds no budget.
    """
    row = conn.execute(
        _ESTIMATE,
        {"default": schedule_limit.DEFAULT_REQUESTS_PER_CRAWL},
    ).one()
    return schedule_limit.quota(
        requests_per_day=row.requests_per_day, budget_per_second=row.budget_per_second
    )
