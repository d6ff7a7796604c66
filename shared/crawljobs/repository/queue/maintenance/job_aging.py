"""The aging sweep: raise the priority of jobs that have waited long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from crawljobs.domain.aging import AgingPolicy
from crawljobs.repository.queue.queue_sql import NO_REASON, NOW, passing_over

CHUNK = 1_000  # limit of the jobs whose priority one transaction raises

# date_part computes with doubles, which are exact enough for a wait of 285 years. extract computes
# with numeric values, which is slower.
_AGED = f"""least(priority_ceiling, base_priority + CAST(:step AS integer) * (1 + CAST(floor(
    date_part('epoch', {NOW} - queued_at - CAST(:after AS interval))
    / date_part('epoch', CAST(:every AS interval))) AS bigint)))"""

# Starts after the last job of the previous call, because all jobs before that job are already aged.
# Only the inner query has a condition on status. With this condition in the UPDATE too, the planner
# would search the claim index for the ids from the inner query, instead of the primary key.
_AGE = text(f"""
    WITH aged AS (
        UPDATE crawl_jobs SET {NO_REASON}, priority = {_AGED}
        WHERE id = ANY (ARRAY(
            SELECT id FROM crawl_jobs
            WHERE status = 'queued' AND priority < priority_ceiling
                AND queued_at < {NOW} - CAST(:after AS interval)
                AND (queued_at, id) > (
                    coalesce(CAST(:last_queued_at AS timestamptz), '-infinity'),
                    coalesce(CAST(:last_id AS bigint), 0))
                AND priority < {_AGED}
            ORDER BY queued_at, id
            LIMIT :at_most
            FOR UPDATE SKIP LOCKED
        ))
        RETURNING queued_at, id
    )
    SELECT queued_at, id AS job_id, count(*) OVER () AS jobs
    FROM aged ORDER BY queued_at DESC, id DESC LIMIT 1
    """)


@dataclass(frozen=True)
class AgedUpTo:
    """The last job that the aging sweep has changed. The sweep changes the oldest jobs first."""

    queued_at: datetime
    job_id: int


@dataclass(frozen=True)
class Aged:
    """The result of one call: the number of aged jobs, and the last aged job."""

    jobs: int
    last: AgedUpTo | None


def age_starved_jobs(
    conn: Connection,
    *,
    policy: AgingPolicy,
    beyond: AgedUpTo | None = None,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> Aged:
    """Raise the priority of jobs that have waited long, the longest wait first.

    The call begins after the job `beyond`, which is `Aged.last` of the previous call. None: begin
    at the first job. The function aged_priority is the Python form of the statement's rule.
    """
    aged = conn.execute(
        passing_over(_AGE, skip),
        {
            "after": policy.after,
            "every": policy.every,
            "step": policy.step,
            "last_queued_at": beyond and beyond.queued_at,
            "last_id": beyond and beyond.job_id,
            "at_most": at_most,
            "now": now,
        },
    ).first()
    if aged is None:
        return Aged(jobs=0, last=beyond)
    return Aged(jobs=aged.jobs, last=AgedUpTo(aged.queued_at, aged.job_id))
