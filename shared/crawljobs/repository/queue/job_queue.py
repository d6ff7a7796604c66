"""Enqueue jobs, or merge requests into live jobs.

Statuses are literals in the SQL: with bound parameters the planner could not use partial indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource, priority_ceiling
from crawljobs.repository.queue import enqueue_sql

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
