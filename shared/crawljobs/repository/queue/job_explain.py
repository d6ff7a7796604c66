"""One query for everything except the job itself that decides when the job runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.explanation import Surroundings
from crawljobs.domain.job import Job
from crawljobs.repository.queue.queue_sql import NOW

COUNT_MAX = 10_000  # jobs counted at most, of a higher priority and before it at the same priority
PACE_SAMPLE = 200  # newest attempts from which the number of starts per minute is computed
SEEN_SECONDS = 60  # a process without a heartbeat for this time counts as gone

# The jobs ahead are counted in two ranges of the claim index: one condition with OR would read all
# of it.
_SURROUNDINGS = text(f"""
    WITH ended AS (
        SELECT ended_at FROM crawl_job_attempts ORDER BY id DESC LIMIT {PACE_SAMPLE}
    )
    SELECT clock.now,
        everything.scope IS NOT NULL AS paused, everything.until AS paused_until,
        mine.scope IS NOT NULL AS subreddit_paused, mine.until AS subreddit_paused_until,
        (SELECT max(greatest(paused_until, outage_until)) FROM reddit_budgets
         WHERE greatest(paused_until, outage_until) > clock.now) AS reddit_until,
        (SELECT coalesce(nullif(paused_reason, 'rate_limit'), 'outage') FROM reddit_budgets
         WHERE outage_until > clock.now ORDER BY outage_until DESC LIMIT 1) AS reddit_reason,
        (SELECT paused_detail FROM reddit_budgets
         WHERE outage_until > clock.now ORDER BY outage_until DESC LIMIT 1) AS reddit_detail,
        (SELECT count(*) FROM service_instances
         WHERE role = 'crawler-worker'
            AND seen_at > clock.now - interval '{SEEN_SECONDS} seconds') AS workers_alive,
        (SELECT count(*) FROM (
            SELECT 1 FROM crawl_jobs WHERE status = 'queued' AND priority > :priority
            LIMIT {COUNT_MAX + 1}) AS higher) AS higher,
        (SELECT count(*) FROM (
            SELECT 1 FROM crawl_jobs WHERE status = 'queued' AND priority = :priority
                AND (created_at, id) < (CAST(:created_at AS timestamptz), CAST(:id AS bigint))
            LIMIT {COUNT_MAX + 1}) AS older) AS older,
        (SELECT count(*) FROM ended WHERE ended_at > clock.now - interval '1 hour') AS ended,
        CAST((SELECT extract(epoch FROM clock.now - min(ended_at)) FROM ended
         WHERE ended_at > clock.now - interval '1 hour') AS float8) AS span
    FROM {NOW} AS clock (now)
        LEFT JOIN queue_pauses AS everything ON everything.scope = 0
            AND (everything.until IS NULL OR everything.until > clock.now)
        LEFT JOIN queue_pauses AS mine ON mine.scope = :subreddit_id
            AND (mine.until IS NULL OR mine.until > clock.now)
    """)


def surroundings(conn: Connection, *, job: Job, now: datetime | None = None) -> Surroundings:
    """Return the pauses, the state of Reddit's budgets, the workers and the queue around the job.

    `ahead` is the number of queued jobs that are claimed before this job, also if it is not queued.
    """
    row = conn.execute(
        _SURROUNDINGS,
        {
            "priority": job.priority,
            "created_at": job.created_at,
            "id": job.id,
            "subreddit_id": job.subreddit_id,
            "now": now,
        },
    ).one()
    return Surroundings(
        now=row.now,
        paused=row.paused,
        paused_until=row.paused_until,
        subreddit_paused=row.subreddit_paused,
        subreddit_paused_until=row.subreddit_paused_until,
        reddit_until=row.reddit_until,
        reddit_reason=row.reddit_reason,
        reddit_detail=row.reddit_detail or "",
        workers_alive=row.workers_alive,
        ahead=min(row.higher, COUNT_MAX) + min(row.older, COUNT_MAX),
        ahead_at_least=max(row.higher, row.older) > COUNT_MAX,
        # A full sample covers only the time since its oldest attempt; a smaller one the whole hour.
        starts_per_minute=60 * row.ended / max(row.span, 1)
        if row.ended == PACE_SAMPLE
        else row.ended / 60,
    )
