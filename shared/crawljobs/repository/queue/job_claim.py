"""Claim jobs for a worker, and find the jobs that have a given claim token.

Statuses are literals in the SQL. With bound parameters, the planner could not use partial indexes.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue.queue_sql import NO_PAUSES, NO_REASON, NOT_PAUSED, NOW, passing_over

_SOURCES = {source.value: source for source in JobSource}

# The columns that _claims reads: first the three columns of the claim order, then fields of Claim.
_CLAIMED = """-job.priority, job.created_at, job.id, job.subreddit_id, subreddit.name, job.source,
        job.depth, job.retry_count, job.max_retries, job.checkpoint,
        greatest(job.queued_at, job.visible_at), job.claimed_at, job.lease_expires_at,
        job.traceparent"""
_CLAIM_ORDER = operator.itemgetter(0, 1, 2)

# During a pause of the whole queue, the LIMIT is 0, so no job is claimed (decision 12). The COMMIT
# does not wait for the disk (decision 69).
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
    """Claim at most `at_most` queued jobs in claim order, and return the claims.

    - `skip`: this number of jobs is left out at the front of the claim order. In earlier calls, the
      database refused to change these jobs.
    - `claim_token`: each call needs a new token. If the reply to the COMMIT is lost, find_claims
      reads the claims with this token.

    The COMMIT does not wait for the disk, so a crash of the database server may undo a claim. The
    fence then refuses all writes with the token of this claim. A claim is durable as soon as the
    worker has stored a page, because the COMMIT of a page waits for the disk.
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
    """Lock the jobs that were claimed with this token, and return their claims.

    A worker calls this function if it lost the reply to a claim. No other transaction can end these
    claims before the present transaction ends.
    """
    return _claims(conn.execute(_CLAIMED_BY_TOKEN, {"claim_token": claim_token}).all(), claim_token)


def _claims(rows: Iterable[Any], claim_token: UUID) -> list[Claim]:
    """Return the claims in claim order. Reads columns by position, twice as fast as by name."""
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
