"""Delete old rows of the ledger of due times, and all rows of deleted schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from crawljobs.repository.queue.maintenance.job_maintenance import CHUNK
from crawljobs.repository.queue.queue_sql import NOW, passing_over

_PRUNE = text(f"""
    DELETE FROM scheduled_job_runs WHERE id = ANY (ARRAY(
        SELECT id FROM scheduled_job_runs
        WHERE fired_at < {NOW} - CAST(:retention AS interval)
        ORDER BY fired_at
        LIMIT :at_most
        FOR UPDATE SKIP LOCKED
    ))
    """)

# Each step of the recursion finds the next schedule id with one index lookup. So the cost of a step
# does not depend on the number of ledger rows of a schedule.
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
        FROM seen WHERE id IS NOT NULL AND place < :scan_limit
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
    """The number of deleted ledger rows of schedules that no longer exist.

    `beyond` is the argument `beyond` for the next call, or None if no rows are left to check.
    """

    deleted: int
    beyond: int | None


def prune_runs(
    conn: Connection,
    *,
    retention: timedelta,
    at_most: int = CHUNK,
    skip: int = 0,
    now: datetime | None = None,
) -> int:
    """Delete ledger rows that are older than `retention`. Returns the number of deleted rows."""
    values = {"retention": retention, "at_most": at_most, "now": now}
    return conn.execute(passing_over(_PRUNE, skip), values).rowcount


def prune_runs_of_deleted(
    conn: Connection, *, beyond: int = 0, scan_limit: int = CHUNK, at_most: int = CHUNK
) -> Orphans:
    """Delete the ledger rows of deleted schedules.

    Checks at most `scan_limit` schedule ids that are greater than `beyond`. Deletes at most
    `at_most` rows.
    """
    values = {"beyond": beyond, "scan_limit": scan_limit, "at_most": at_most}
    row = conn.execute(_PRUNE_DELETED, values).one()
    if row.deleted == at_most:
        return Orphans(row.deleted, beyond)
    return Orphans(row.deleted, row.last)
