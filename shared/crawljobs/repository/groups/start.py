"""Start the pending steps whose waits have all ended: enqueue, skip or hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.group import StepState, UpstreamFailure, decide
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource
from crawljobs.repository.groups import group_progress, step_writes, wait_changes
from crawljobs.repository.groups.settle import CHUNK, Settled
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.queue import job_enqueue
from crawljobs.repository.queue.queue_sql import CLOCK

_TAKE_GROUP = text("""
    SELECT id, scheduled_job_id FROM job_groups WHERE ready_at IS NOT NULL
    ORDER BY ready_at, id LIMIT 1 OFFSET :skip FOR UPDATE SKIP LOCKED
    """)

# A group that may have further ready steps after one transaction goes to the end of the line, so
# that a large group does not delay the other groups.
_TO_THE_END = text(f"UPDATE job_groups SET ready_at = {CLOCK} WHERE id = :group_id")

_READY = text("""
    SELECT step.id, step.priority, step.max_retries, step.visible_at, step.traceparent,
        step.on_upstream_failure, step.proceeds, subreddit.name, failed.reason
    FROM group_steps AS step
        JOIN subreddits AS subreddit ON subreddit.id = step.subreddit_id
        JOIN job_groups AS job_group ON job_group.id = step.group_id
        LEFT JOIN LATERAL (
            SELECT coalesce(reason, state) AS reason FROM step_waits
            WHERE step_id = step.id AND state <> 'succeeded'
            ORDER BY id LIMIT 1
        ) AS failed ON true
    WHERE step.group_id = :group_id AND step.state = 'pending' AND step.waiting_for = 0
        AND job_group.paused_at IS NULL
    ORDER BY step.id LIMIT :at_most
    FOR UPDATE OF step
    """)


def start(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> Settled:
    """Start at most `at_most` steps of one group. `more` is true if the caller should call again.

    `skip` is the number of groups to pass over. Several processes may call this function at the
    same time, each for another group.
    """
    group = conn.execute(_TAKE_GROUP, {"skip": skip}).first()
    if group is None:
        return Settled()
    rows = conn.execute(_READY, {"group_id": group.id, "at_most": at_most}).all()
    changes: list[StepChange] = []
    free: list[Any] = []
    for row in rows:
        end = decide(UpstreamFailure(row.on_upstream_failure), row.reason, proceeds=row.proceeds)
        if end is None:
            free.append(row)
            continue
        changes.append(
            StepChange(
                row.id,
                group.id,
                StepState.PENDING,
                end.state,
                end.reason,
                skipped_for_upstream=end.state is StepState.SKIPPED,
            )
        )
    changes += _enqueued(conn, group, free, now)
    step_writes.change_steps(conn, changes, now=now)
    # This opens no step again, because the changes above have opened none.
    wait_changes.settle_waits_for_all(conn, [group.id], now=now)
    finished = group_progress.update(conn, [group.id], changes, now=now)
    if len(rows) == at_most:
        conn.execute(_TO_THE_END, {"group_id": group.id, "now": now})
    return Settled(len(rows), changes, finished, more=True)


def _enqueued(
    conn: Connection, group: Any, rows: Sequence[Any], now: datetime | None
) -> list[StepChange]:
    by_request: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        same = (row.priority, row.max_retries, row.visible_at, row.traceparent)
        by_request[same].append(row)
    requests = [
        EnqueueRequest(
            sorted({row.name for row in of_request}),
            priority,
            JobSource.USER if group.scheduled_job_id is None else JobSource.SCHEDULE,
            max_retries=max_retries,
            visible_at=visible_at,
            scheduled_job_id=group.scheduled_job_id,
            traceparent=traceparent,
            of_step=True,
        )
        for (priority, max_retries, visible_at, traceparent), of_request in by_request.items()
    ]
    results = iter(job_enqueue.enqueue_stored(conn, requests, now=now) if requests else [])
    enqueued: list[tuple[Any, Enqueued]] = []
    for request, of_request in zip(requests, by_request.values(), strict=True):
        by_name = {name: next(results) for name in request.subreddits}
        enqueued += [(row, by_name[row.name]) for row in of_request]
    return [
        StepChange(
            row.id,
            group.id,
            StepState.PENDING,
            StepState.ENQUEUED,
            job_id=result.job_id,
            follows_rerun=result.result is EnqueueResult.RERUN_REQUESTED,
        )
        for row, result in enqueued
    ]
