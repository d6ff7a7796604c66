"""Statistics of the queue, at a bounded cost.

Triggers count the finished jobs. Live jobs are counted up to COUNT_MAX for each state. Rates and
waiting times come from a sample of the newest finished jobs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.job import FINAL, LIVE, JobStatus
from crawljobs.domain.queue_stats import JobCounts, QueueStats, RecentJobs
from crawljobs.repository.queue import queue_sql
from crawljobs.repository.queue.queue_sql import NOW

COUNT_MAX = 100_000  # live jobs counted in one state: about 10 ms
SAMPLE = 1_000  # finished jobs in the sample
MERGED_AT_ONCE = 1_000  # count changes merged in one transaction


def _live(status: JobStatus) -> str:
    return f"""
    SELECT '{status}' AS status, count(*) AS jobs FROM (
        SELECT 1 FROM crawl_jobs WHERE status = '{status}' LIMIT {COUNT_MAX + 1}
    ) AS counted"""


_COUNTS = text(
    " UNION ALL ".join(_live(status) for status in sorted(LIVE - {JobStatus.QUEUED}))
    + """
    UNION ALL
    SELECT status, sum(jobs) FROM (
        SELECT status, jobs FROM crawl_job_counts
        UNION ALL SELECT status, change FROM crawl_job_count_changes
    ) AS finished GROUP BY status"""
)

_PRIORITIES = text(f"""
    SELECT priority, count(*) AS jobs FROM (
        SELECT priority FROM crawl_jobs WHERE status = 'queued'
        ORDER BY priority DESC, created_at, id LIMIT {COUNT_MAX + 1}
    ) AS queued GROUP BY priority ORDER BY priority DESC
    """)


def _first_queued(condition: str) -> str:
    return f"""(
        SELECT queued_at FROM crawl_jobs WHERE status = 'queued' AND {condition}
        ORDER BY queued_at LIMIT 1)"""


# Each queued job is in one of two partial indexes: jobs that can still age, and all others.
OLDEST_QUEUED = f"""
    SELECT queued_at FROM (
        {_first_queued("priority < priority_ceiling")}
        UNION ALL {_first_queued("priority >= priority_ceiling")}
    ) AS oldest ORDER BY queued_at LIMIT 1"""

_OLDEST = text(f"""
    SELECT queued_at, CAST(extract(epoch FROM {NOW} - queued_at) AS float8) AS seconds
    FROM ({OLDEST_QUEUED}) AS oldest
    """)

_PAUSES = text(f"""
    SELECT count(*) FILTER (WHERE scope = 0) AS everything,
        count(*) FILTER (WHERE scope <> 0) AS subreddits
    FROM queue_pauses WHERE until IS NULL OR until > {NOW}
    """)

_NEWEST = queue_sql.newest_finished(
    "id, status, retries, finished_at, queued_at, visible_at",
    condition=f"finished_at > {NOW} - interval '1 hour'",
    limit=SAMPLE,
)

# The last attempt of a job has the time of its last claim, and visible_at is the time from which
# that claim was possible. After a rescue or a cancel visible_at is later than the claim; the
# waiting times leave these jobs out.
_RECENT = text(f"""
    SELECT count(*) AS sampled, min(finished_at) AS since,
        CAST(extract(epoch FROM {NOW} - min(finished_at)) AS float8) AS span,
        count(*) FILTER (WHERE status <> 'cancelled') AS ended,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        -- no retry followed the last failure of a failed job
        count(*) FILTER (WHERE retries > CASE status WHEN 'failed' THEN 1 ELSE 0 END
            AND status <> 'cancelled') AS retried,
        count(*) FILTER (WHERE retries > 0 AND status = 'succeeded') AS recovered,
        percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
            ORDER BY extract(epoch FROM started_at - claimable_at)
        ) FILTER (WHERE started_at >= claimable_at) AS waits
    FROM (
        SELECT *, greatest(queued_at, visible_at) AS claimable_at FROM ({_NEWEST}) AS newest
    ) AS job LEFT JOIN LATERAL (
        SELECT started_at FROM crawl_job_attempts WHERE job_id = job.id ORDER BY id DESC LIMIT 1
    ) AS attempt ON true
    """)

_MERGE_COUNTS = text("""
    WITH merged AS (
        DELETE FROM crawl_job_count_changes WHERE id = ANY (ARRAY(
            SELECT id FROM crawl_job_count_changes
            ORDER BY id LIMIT :at_most FOR UPDATE SKIP LOCKED
        ))
        RETURNING status, change
    ), counted AS (
        INSERT INTO crawl_job_counts AS stored (status, jobs)
        SELECT status, sum(change) FROM merged GROUP BY status ORDER BY status
        ON CONFLICT (status) DO UPDATE SET jobs = stored.jobs + excluded.jobs
    )
    SELECT count(*) FROM merged
    """)


def count_jobs(conn: Connection) -> JobCounts:
    """Return the number of jobs by status, and of queued jobs by priority.

    A live status stops at COUNT_MAX and is then in `capped`.
    """
    by_status = dict.fromkeys(JobStatus, 0)
    for row in conn.execute(_COUNTS):
        by_status[JobStatus(row.status)] = int(row.jobs)
    queued = {row.priority: row.jobs for row in conn.execute(_PRIORITIES)}
    by_status[JobStatus.QUEUED] = sum(queued.values())
    capped = {s for s, count in by_status.items() if count > COUNT_MAX and s not in FINAL}
    by_status |= dict.fromkeys(capped, COUNT_MAX)
    return JobCounts(by_status=by_status, capped=frozenset(capped), queued_by_priority=queued)


def queue_stats(conn: Connection, *, now: Any = None) -> QueueStats:
    """Return the job counts, the oldest queued job, the pauses, and rates of the newest crawls."""
    counts = count_jobs(conn)
    oldest = conn.execute(_OLDEST, {"now": now}).first()
    pauses = conn.execute(_PAUSES, {"now": now}).one()
    return QueueStats(
        by_status=counts.by_status,
        capped=counts.capped,
        queued_by_priority=counts.queued_by_priority,
        oldest_queued_at=oldest.queued_at if oldest else None,
        oldest_queued_seconds=max(0.0, oldest.seconds) if oldest else None,
        paused=pauses.everything > 0,
        paused_subreddits=pauses.subreddits,
        recent=_recent(conn.execute(_RECENT, {"now": now}).one()),
    )


def _recent(row: Any) -> RecentJobs:
    # A full sample covers only the time since its oldest job; a smaller one covers the whole hour.
    minutes = max(row.span / 60, 1 / 60) if row.sampled == SAMPLE else 60
    p50, p95 = row.waits or (None, None)
    return RecentJobs(
        sampled=row.sampled,
        since=row.since,
        finished_per_minute=row.ended / minutes,
        failure_rate=row.failed / row.ended if row.ended else None,
        retry_success_rate=row.recovered / row.retried if row.retried else None,
        wait_seconds_p50=p50,
        wait_seconds_p95=p95,
    )


def merge_counts(conn: Connection, *, at_most: int = MERGED_AT_ONCE) -> int:
    """Add pending count changes to the counts, and delete them. Returns how many were merged.

    A sweep calls this; several processes may run it at the same time.
    """
    return int(conn.execute(_MERGE_COUNTS, {"at_most": at_most}).scalar_one())
