"""List the ledger of a schedule, run a schedule by hand, and prune the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.domain import subreddit as names
from crawljobs.domain.job import Enqueued, EnqueueResult
from crawljobs.domain.schedule import RunOutcome, Schedule
from crawljobs.repository.queue.maintenance.job_maintenance import CHUNK
from crawljobs.repository.queue.queue_sql import NOW, passing_over
from crawljobs.repository.schedules import schedule_enqueue
from crawljobs.repository.schedules.schedule_enqueue import ScheduledEnqueue
from crawljobs.repository.schedules.schedule_reads import bounded

# Ordered by due time, which is unique for each schedule. Ids show only the order of the writes.
# The limited time is compared too: a page that ends with a time before 1970 would be shown again.
_LIST = text(f"""
    SELECT id, {bounded("due_at")} AS due_at, {bounded("due_until")} AS due_until, ticks,
        {bounded("fired_at")} AS fired_at, outcome, job_id, manual
    FROM scheduled_job_runs
    WHERE scheduled_job_id = :schedule_id
        AND due_at < coalesce(CAST(:before AS timestamptz), 'infinity')
        AND {bounded("due_at")} < coalesce(CAST(:before AS timestamptz), 'infinity')
    ORDER BY due_at DESC
    LIMIT :at_most
    """)

_RECORD = text("""
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, fired_at, outcome, job_id, manual)
    VALUES (:schedule_id, :now, :now, :outcome, :job_id, true)
    ON CONFLICT (scheduled_job_id, due_at) DO NOTHING
    """)

_FIRED = text(f"UPDATE scheduled_jobs SET last_run_at = {NOW} WHERE id = :id RETURNING last_run_at")

_PRUNE = text(f"""
    DELETE FROM scheduled_job_runs WHERE id = ANY (ARRAY(
        SELECT id FROM scheduled_job_runs
        WHERE fired_at < {NOW} - CAST(:retention AS interval)
        ORDER BY fired_at
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)

# Finds the next schedule id with one index lookup, independent of the number of its runs.
_PRUNE_DELETED = text("""
    WITH RECURSIVE seen (id, place) AS (
        SELECT (
            SELECT scheduled_job_id FROM scheduled_job_runs WHERE scheduled_job_id > :beyond
            ORDER BY scheduled_job_id LIMIT 1
        ), 1
        UNION ALL
        SELECT (
            SELECT scheduled_job_id FROM scheduled_job_runs WHERE scheduled_job_id > seen.id
            ORDER BY scheduled_job_id LIMIT 1
        ), place + 1
        FROM seen WHERE id IS NOT NULL AND place < :look_at
    ), deleted AS (
        DELETE FROM scheduled_job_runs WHERE id = ANY (ARRAY(
            SELECT run.id
            FROM seen CROSS JOIN LATERAL (
                SELECT id FROM scheduled_job_runs WHERE scheduled_job_id = seen.id
                LIMIT :at_most
                FOR UPDATE SKIP LOCKED
            ) AS run
            WHERE NOT EXISTS (SELECT 1 FROM scheduled_jobs WHERE id = seen.id)
            LIMIT :at_most
        ))
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM deleted) AS deleted, (SELECT max(id) FROM seen) AS last
    """)


@dataclass(frozen=True)
class Orphans:
    """The number of deleted runs, and the `beyond` of the next call; None if no runs are left."""

    deleted: int
    beyond: int | None


@dataclass(frozen=True)
class LedgerRow:
    """A due time and its outcome, or `ticks` missed due times up to `due_until`."""

    id: int
    due_at: datetime
    due_until: datetime | None
    ticks: int
    fired_at: datetime
    outcome: RunOutcome
    job_id: int | None
    manual: bool


def list_runs(
    conn: Connection, *, schedule_id: int, before: datetime | None = None, limit: int = 100
) -> list[LedgerRow]:
    """Return at most `limit` ledger rows, the latest due time first."""
    rows = conn.execute(
        _LIST, {"schedule_id": schedule_id, "before": before, "at_most": limit}
    ).all()
    return [LedgerRow(**{**row._mapping, "outcome": RunOutcome(row.outcome)}) for row in rows]


def run_now(
    conn: Connection,
    *,
    schedule: Schedule,
    default_max_retries: int = 3,
    traceparent: str | None = None,
    now: datetime | None = None,
) -> Enqueued:
    """Enqueue a crawl for the locked schedule now, also if the schedule is disabled.

    Returns the result of the enqueue. Its regular due times do not change. Raises
    InvalidSubredditName if the subreddit's row was deleted.
    """
    names.checked_name(schedule.subreddit)
    at: datetime = conn.execute(_FIRED, {"id": schedule.id, "now": now}).scalar_one()
    retries = default_max_retries if schedule.max_retries is None else schedule.max_retries
    request = ScheduledEnqueue(
        schedule.id, schedule.subreddit_id, schedule.priority, retries, traceparent
    )
    enqueued = schedule_enqueue.enqueue_for_schedules(conn, enqueues=[request], now=at)[schedule.id]
    created = enqueued.result is EnqueueResult.CREATED
    conn.execute(
        _RECORD,
        {
            "schedule_id": schedule.id,
            "now": at,
            "outcome": RunOutcome.ENQUEUED if created else RunOutcome.MERGED,
            "job_id": enqueued.job_id,
        },
    )
    return enqueued


def prune_runs(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete ledger rows that fired longer ago than `retention`. Returns how many."""
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE, skip), values).rowcount


def prune_runs_of_deleted(
    conn: Connection, *, beyond: int = 0, look_at: int = CHUNK, at_most: int = CHUNK
) -> Orphans:
    """Delete the ledger rows of deleted schedules.

    Checks at most `look_at` schedules with ids greater than `beyond`, and deletes at most `at_most`
    rows.
    """
    values = {"beyond": beyond, "look_at": look_at, "at_most": at_most}
    row = conn.execute(_PRUNE_DELETED, values).one()
    if row.deleted == at_most:
        return Orphans(row.deleted, beyond)
    return Orphans(row.deleted, row.last)
