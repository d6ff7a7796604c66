"""Enqueue and claim jobs.

Statuses are literals in the SQL: with bound parameters the planner could not use partial indexes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.job import Claim, Enqueued, EnqueueResult, JobSource, priority_ceiling
from crawljobs.repository.queue import enqueue_sql
from crawljobs.repository.queue.queue_sql import NO_PAUSES, NO_REASON, NOT_PAUSED, NOW, passing_over

_SOURCES = {source.value: source for source in JobSource}

_ENQUEUE_NEW = DriverStatement(enqueue_sql.ENQUEUE_NEW)
_ENQUEUE_NEW_ONE = DriverStatement(enqueue_sql.ENQUEUE_NEW_ONE)

# LIMIT keeps the generic plan on the index, also if it was made when there were few subreddits.
_KNOWN = f"""
    SELECT known.*, CAST(:priority AS smallint), CAST(:scheduled_job_id AS bigint),
        CAST(:max_retries AS smallint), CAST(:traceparent AS text)
    FROM unnest((SELECT CAST(:names AS text[]))) AS named (name) CROSS JOIN LATERAL (
        SELECT {enqueue_sql.SUBREDDIT_ASKED_FOR} FROM subreddits AS subreddit
        WHERE lower(subreddit.name) = lower(named.name) LIMIT 1
    ) AS known
    """
_ENQUEUE_KNOWN = DriverStatement(enqueue_sql.enqueue_statement(_KNOWN))
_CREATE_OR_LOCK = DriverStatement(enqueue_sql.enqueue_statement(_KNOWN, merges=False))

# In the order in which _claims reads them: the claim order, then the fields of Claim.
_CLAIMED = """-job.priority, job.created_at, job.id, job.subreddit_id, subreddit.name, job.source,
        job.depth, job.retry_count, job.max_retries, job.checkpoint,
        greatest(job.queued_at, job.visible_at), job.claimed_at, job.lease_expires_at,
        job.traceparent"""
_CLAIM_ORDER = operator.itemgetter(0, 1, 2)

_CLAIM = DriverStatement(
    text(f"""
    UPDATE crawl_jobs AS job SET
        status = 'crawling', {NO_REASON}, claim_token = CAST(:claim_token AS uuid),
        claimed_by = :worker,
        claimed_at = clock.now, progress_at = clock.now,
        lease_expires_at = clock.now + CAST(:lease AS interval)
    FROM subreddits AS subreddit, {NOW} AS clock (now),
        (SELECT set_config('synchronous_commit', 'off', true)) AS without_disk
    WHERE subreddit.id = job.subreddit_id AND job.id = ANY (ARRAY(
        SELECT id FROM crawl_jobs
        WHERE status = 'queued'
        ORDER BY priority DESC, created_at, id
        LIMIT (SELECT CASE WHEN {NOT_PAUSED.format(scope="0")} THEN :at_most ELSE 0 END)
        FOR UPDATE SKIP LOCKED
    ))
    -- False only between a pause and the sweep that parks its job. The condition is not in the
    -- inner query: a filter there makes the planner leave the claim index. Postgres computes the
    -- first operand of OR once.
    AND ({NO_PAUSES} OR {NOT_PAUSED.format(scope="job.subreddit_id")})
    RETURNING {_CLAIMED}
    """)
)

_CLAIMED_BY_TOKEN = text(f"""
    SELECT {_CLAIMED}
    FROM crawl_jobs AS job JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id
    WHERE job.status = 'crawling' AND job.claim_token = CAST(:claim_token AS uuid)
    ORDER BY job.subreddit_id, job.id FOR UPDATE OF job
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
    traceparent: str | None = None,
    now: datetime | None = None,
) -> Enqueued:
    """Enqueue one job, or merge the request into a live job; see enqueue_many.

    Only one of its statements writes, so it may also run under Database.run_statement.
    """
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
        traceparent=traceparent,
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
    depth: int | None = 0,
    discovered_from: int | None = None,
    scheduled_job_id: int | None = None,
    traceparent: str | None = None,
    all_known: bool = False,
    before_merging: Callable[[], object] | None = None,
    now: datetime | None = None,
) -> list[Enqueued]:
    """Enqueue a job for each subreddit, or merge the request into its live job.

    Returns one result for each subreddit, in the order in which the names first occur. Names that
    differ only in case are one subreddit. `depth` None means the stored depth of the subreddit. New
    jobs, and follow-up jobs of a rerun request, continue the trace of `traceparent`. With
    `all_known` the function inserts no subreddit: each must be committed already.
    `before_merging` is called when all live jobs that a request merges into are locked.
    Raises InvalidSubredditName before any write.
    """
    asked = [subreddits.checked_name(name) for name in subreddits_named]
    by_key: dict[str, str] = {}
    for name in asked:
        by_key.setdefault(name.lower(), name)
    if not by_key:
        return []
    values = {
        "names": list(by_key.values()),
        "discovered_from": discovered_from,
        "priority": priority,
        "ceiling": priority_ceiling(source),
        "source": source,
        "scheduled_job_id": scheduled_job_id,
        "depth": depth,
        "visible_at": visible_at,
        "max_retries": max_retries,
        "traceparent": traceparent,
        "now": now,
    }
    enqueued: dict[str, Enqueued] = {}
    if before_merging is not None:
        # Lock the live jobs, in the order of locks, before any subreddit is inserted.
        enqueued |= _by_key(_CREATE_OR_LOCK.rows(conn, values))
        before_merging()
        if known := _without(by_key, enqueued):
            enqueued |= _by_key(_ENQUEUE_KNOWN.rows(conn, {**values, "names": known}))
    if not all_known and (new := _without(by_key, enqueued)):
        statement = _ENQUEUE_NEW if len(new) > 1 else _ENQUEUE_NEW_ONE
        made = statement.rows(conn, {**values, "names": new})
        enqueued |= {
            name.lower(): Enqueued(job_id, name, EnqueueResult.CREATED) for job_id, name, _ in made
        }
    # A further statement sees the rows that other transactions inserted during the previous one.
    if known := _without(by_key, enqueued):
        if before_merging is not None:
            before_merging()
        enqueued |= _by_key(_ENQUEUE_KNOWN.rows(conn, {**values, "names": known}))
    return [enqueued[key] for key in by_key]


def _without(by_key: dict[str, str], enqueued: dict[str, Enqueued]) -> list[str]:
    return [name for key, name in by_key.items() if key not in enqueued]


def _by_key(rows: Iterable[Any]) -> dict[str, Enqueued]:
    return {one.subreddit.lower(): one for one in map(enqueued_of, rows)}


def enqueued_of(row: Any) -> Enqueued:
    """Return the result in a row of an enqueue_statement."""
    job_id, status, created, _, subreddit, _ = row  # reading by column name takes twice as long
    result = EnqueueResult.MERGED
    if created:
        result = EnqueueResult.CREATED
    elif status == "crawling":
        result = EnqueueResult.RERUN_REQUESTED
    return Enqueued(job_id, subreddit, result)


def claim_jobs(
    conn: Connection,
    *,
    worker: str,
    claim_token: UUID,
    at_most: int,
    lease_seconds: float,
    skip: int = 0,
    now: datetime | None = None,
) -> list[Claim]:
    """Claim at most `at_most` jobs in claim order, after the first `skip`, under `claim_token`.

    Returns the claims. Each call needs a new token: if the reply to its COMMIT is lost, find_claims
    reads the claims of the token. The COMMIT does not wait for the disk. A crash of the server may
    undo a claim under which nothing was written yet; the fence then refuses writes of its token.
    """
    statement = DriverStatement(passing_over(_CLAIM.clause, skip)) if skip else _CLAIM
    rows = statement.rows(
        conn,
        {
            "worker": worker,
            "claim_token": claim_token,
            "at_most": at_most,
            "lease": timedelta(seconds=lease_seconds),
            "now": now,
        },
    )
    return _claims(rows, claim_token)


def find_claims(conn: Connection, *, claim_token: UUID) -> list[Claim]:
    """Lock and return the jobs claimed under this token.

    A worker calls this when it lost the reply of a claim. No other transaction can end these claims
    before this transaction ends.
    """
    return _claims(conn.execute(_CLAIMED_BY_TOKEN, {"claim_token": claim_token}).all(), claim_token)


def _claims(rows: Iterable[Any], claim_token: UUID) -> list[Claim]:
    """Return the claims in claim order. Reading by column name would take twice as long."""
    return [
        Claim(
            job_id,
            claim_token,
            subreddit_id,
            subreddit,
            _SOURCES[source],
            -minus_priority,
            *rest,
        )
        for minus_priority, _, job_id, subreddit_id, subreddit, source, *rest in sorted(
            rows, key=_CLAIM_ORDER
        )
    ]
