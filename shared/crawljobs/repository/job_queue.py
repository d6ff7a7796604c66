"""The queue: enqueue at one end, claim at the other.

Statuses stand in the SQL as literals: bound ones lose the partial indexes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.job import (
    Claim,
    Enqueued,
    EnqueueResult,
    JobSource,
    priority_ceiling,
)

# A scalar subquery is computed once; bare clock_timestamp() is volatile and would turn an index
# condition into a filter.
NOW = "(SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()))"

CHANNEL = "crawl_jobs"  # NOTIFY: a hint that something may be claimable

# When the pause that is in force ends; LIMIT keeps a plan from turning it into a join.
PAUSED_UNTIL = f"""(
    SELECT coalesce(pause.until, '9999-12-31T00:00:00Z') FROM queue_pauses AS pause
    WHERE pause.scope = {{scope}} AND (pause.until IS NULL OR pause.until > {NOW})
    LIMIT 1
)"""
NOT_PAUSED = f"{PAUSED_UNTIL} IS NULL"

# Also tells whether the queue was empty before: only then can a worker be asleep.
_INSERT_SUBREDDITS = text("""
    WITH known AS (
        INSERT INTO subreddits (name, discovered_from, depth)
        SELECT name, CAST(:discovered_from AS bigint), CAST(:depth AS smallint)
        FROM unnest(CAST(:names AS text[])) AS name
        ORDER BY lower(name)
        ON CONFLICT (lower(name)) DO NOTHING
    )
    SELECT NOT EXISTS (SELECT FROM crawl_jobs WHERE status = 'queued')
    """)

_ENQUEUE = text(f"""
    INSERT INTO crawl_jobs AS job (
        subreddit_id, status, wait_reason, priority, base_priority, priority_ceiling, source,
        scheduled_job_id, depth, visible_at, queued_at, created_at, max_retries
    )
    SELECT
        subreddit.id,
        CASE WHEN asked.visible_at > asked.now OR pause.until IS NOT NULL
            THEN 'waiting' ELSE 'queued' END,
        CASE WHEN asked.visible_at > asked.now THEN 'later'
            WHEN pause.until IS NOT NULL THEN 'paused' END,
        :priority, :priority, :ceiling, :source, CAST(:scheduled_job_id AS bigint), :depth,
        CASE WHEN asked.visible_at > asked.now THEN asked.visible_at
            ELSE coalesce(pause.until, asked.visible_at) END,
        asked.now, asked.now, :max_retries
    FROM (SELECT now, coalesce(CAST(:visible_at AS timestamptz), now) AS visible_at
          FROM {NOW} AS clock (now)) AS asked
        CROSS JOIN subreddits AS subreddit
        LEFT JOIN LATERAL {PAUSED_UNTIL.format(scope="subreddit.id")} AS pause (until) ON true
    WHERE lower(subreddit.name) = ANY (CAST(:keys AS text[]))
    ORDER BY subreddit.id
    ON CONFLICT (subreddit_id) WHERE status IN ('blocked', 'waiting', 'queued', 'crawling')
    DO UPDATE SET
        priority = greatest(job.priority, excluded.priority),
        base_priority = greatest(job.base_priority, excluded.base_priority),
        priority_ceiling = greatest(job.priority_ceiling, excluded.priority_ceiling),
        status = CASE
            WHEN job.wait_reason = 'later' AND excluded.status = 'queued' THEN 'queued'
            ELSE job.status END,
        wait_reason = CASE
            WHEN job.wait_reason = 'later' AND excluded.status = 'queued' THEN NULL
            ELSE job.wait_reason END,
        visible_at = CASE
            WHEN job.wait_reason = 'later' THEN least(job.visible_at, excluded.visible_at)
            ELSE job.visible_at END,
        rerun_requested = job.status = 'crawling',
        rerun_priority = CASE WHEN job.status = 'crawling'
            THEN greatest(job.rerun_priority, excluded.base_priority) END,
        rerun_source = CASE WHEN job.status = 'crawling'
            THEN CASE WHEN job.rerun_priority >= excluded.base_priority
                THEN job.rerun_source ELSE excluded.source END END
    RETURNING job.id, job.status, job.xmax = 0 AS created,
        (SELECT name FROM subreddits WHERE id = job.subreddit_id) AS subreddit
    """)

_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")

_CLAIM = text(f"""
    UPDATE crawl_jobs AS job SET
        status = 'crawling', claim_token = CAST(:claim_token AS uuid), claimed_by = :worker,
        claimed_at = clock.now, progress_at = clock.now,
        lease_expires_at = clock.now + CAST(:lease AS interval)
    FROM subreddits AS subreddit, {NOW} AS clock (now)
    WHERE subreddit.id = job.subreddit_id AND job.id = ANY (ARRAY(
        SELECT id FROM crawl_jobs
        WHERE status = 'queued' AND visible_at <= {NOW}
        ORDER BY priority DESC, created_at, id
        LIMIT (SELECT CASE WHEN {NOT_PAUSED.format(scope="0")} THEN :at_most ELSE 0 END)
        FOR UPDATE SKIP LOCKED
    ))
    -- False only in the moment between a pause and the sweep that parks its job. Not in the inner
    -- query: a filter there makes the planner leave the claim index.
    AND {NOT_PAUSED.format(scope="job.subreddit_id")}
    RETURNING job.id AS job_id, job.claim_token, job.subreddit_id, subreddit.name AS subreddit,
        job.source, job.priority, job.depth, job.retry_count, job.max_retries, job.checkpoint,
        job.created_at, job.claimed_at, job.lease_expires_at
    """)

_CLAIMED_BY_TOKEN = text("""
    SELECT job.id AS job_id, job.claim_token, job.subreddit_id, subreddit.name AS subreddit,
        job.source, job.priority, job.depth, job.retry_count, job.max_retries, job.checkpoint,
        job.created_at, job.claimed_at, job.lease_expires_at
    FROM crawl_jobs AS job JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id
    WHERE job.status = 'crawling' AND job.claim_token = CAST(:claim_token AS uuid)
    """)


def enqueue(
    conn: Connection,
    *,
    subreddit: str,
    priority: int,
    source: JobSource,
    max_retries: int = 3,
    visible_at: datetime | None = None,
    depth: int = 0,
    discovered_from: int | None = None,
    scheduled_job_id: int | None = None,
    now: datetime | None = None,
) -> Enqueued:
    """Ask for one crawl; see enqueue_many."""
    (enqueued,) = enqueue_many(
        conn,
        subreddits_named=[subreddit],
        priority=priority,
        source=source,
        max_retries=max_retries,
        visible_at=visible_at,
        depth=depth,
        discovered_from=discovered_from,
        scheduled_job_id=scheduled_job_id,
        now=now,
    )
    return enqueued


def enqueue_many(
    conn: Connection,
    *,
    subreddits_named: Iterable[str],
    priority: int,
    source: JobSource,
    max_retries: int = 3,
    visible_at: datetime | None = None,
    depth: int = 0,
    discovered_from: int | None = None,
    scheduled_job_id: int | None = None,
    now: datetime | None = None,
) -> list[Enqueued]:
    """Ask for a crawl of each subreddit; those with a live job are merged, none fails.

    Names differing in case are one subreddit. One result a subreddit, in the order first named.
    Raises InvalidSubredditName before anything is written.
    """
    asked = [subreddits.checked_name(name) for name in subreddits_named]
    by_key: dict[str, str] = {}
    for name in asked:
        by_key.setdefault(name.lower(), name)
    if not by_key:
        return []
    was_empty = conn.execute(
        _INSERT_SUBREDDITS,
        {"names": list(by_key.values()), "discovered_from": discovered_from, "depth": depth},
    ).scalar_one()
    rows = conn.execute(
        _ENQUEUE,
        {
            "keys": list(by_key),
            "priority": priority,
            "ceiling": priority_ceiling(source),
            "source": source,
            "scheduled_job_id": scheduled_job_id,
            "depth": depth,
            "visible_at": visible_at,
            "max_retries": max_retries,
            "now": now,
        },
    ).all()
    if was_empty and any(row.status == "queued" for row in rows):
        conn.execute(_NOTIFY)
    enqueued = {
        row.subreddit.lower(): Enqueued(job_id=row.id, subreddit=row.subreddit, result=_result(row))
        for row in rows
    }
    return [enqueued[key] for key in by_key]


def _result(row: Any) -> EnqueueResult:
    if row.created:
        return EnqueueResult.CREATED
    if row.status == "crawling":
        return EnqueueResult.RERUN_REQUESTED
    return EnqueueResult.MERGED


def claim_jobs(
    conn: Connection,
    *,
    worker: str,
    claim_token: UUID,
    at_most: int,
    lease_seconds: float,
    now: datetime | None = None,
) -> list[Claim]:
    """Claim up to `at_most` jobs, best first, all under the caller's fresh token.

    The token is made before the call, so that after an ambiguous COMMIT claims_of can tell.
    """
    rows = conn.execute(
        _CLAIM,
        {
            "worker": worker,
            "claim_token": claim_token,
            "at_most": at_most,
            "lease": timedelta(seconds=lease_seconds),
            "now": now,
        },
    )
    return _claims(rows)


def claims_of(conn: Connection, *, claim_token: UUID) -> list[Claim]:
    """What this token holds: the answer to a claim whose reply was lost."""
    return _claims(conn.execute(_CLAIMED_BY_TOKEN, {"claim_token": claim_token}))


def _claims(rows: Iterable[Any]) -> list[Claim]:
    ordered = sorted(rows, key=lambda row: (-row.priority, row.created_at, row.job_id))
    fields = [{k: v for k, v in row._mapping.items() if k != "created_at"} for row in ordered]
    return [Claim(**{**row, "source": JobSource(row["source"])}) for row in fields]
