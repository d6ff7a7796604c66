"""Start the pending steps whose waits have all ended: enqueue, skip or hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.group import FINAL, StepState, UpstreamFailure, decide
from crawljobs.domain.job import Enqueued, EnqueueResult, JobSource
from crawljobs.repository.groups import group_progress, step_writes, wait_changes
from crawljobs.repository.groups.settle import CHUNK, Settled
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.queue import job_enqueue
from crawljobs.repository.queue.queue_sql import CLOCK

# Limit of the groups in one transaction; often many small groups are ready at the same time.
GROUPS_AT_ONCE = 100

# SKIP LOCKED: the statement never waits for the lock of a group. So it cannot cause a deadlock,
# although it locks the groups in no fixed order.
_TAKE_GROUPS = text("""
    SELECT id FROM job_groups WHERE ready_at IS NOT NULL
    ORDER BY ready_at, id LIMIT :groups OFFSET :skip FOR UPDATE SKIP LOCKED
    """)

# If a group may have more ready steps than one transaction starts, its `ready_at` becomes the
# present time. Groups are taken in the order of `ready_at`, so a large group does not delay the
# other groups.
_TO_THE_END = text(f"""
    UPDATE job_groups SET ready_at = {CLOCK}
    WHERE id = ANY (CAST(:ids AS bigint[])) AND ready_at IS NOT NULL
    """)

# The ready steps of the groups, in the order of the groups. No step is locked, because all
# transactions that change a step hold the lock of its group.
_READY = text("""
    SELECT step.id, step.group_id, step.priority, step.max_retries, step.visible_at,
        step.traceparent, step.on_upstream_failure, step.proceeds, subreddit.name, failed.reason,
        job_group.scheduled_job_id
    FROM unnest((SELECT CAST(:ids AS bigint[]))) WITH ORDINALITY AS taken (group_id, place)
        CROSS JOIN LATERAL (
            SELECT scheduled_job_id FROM job_groups
            WHERE id = taken.group_id AND paused_at IS NULL LIMIT 1
        ) AS job_group
        CROSS JOIN LATERAL (
            SELECT * FROM group_steps
            WHERE group_id = taken.group_id AND state = 'pending' AND waiting_for = 0
            ORDER BY id LIMIT :at_most
        ) AS step
        CROSS JOIN LATERAL (
            SELECT name FROM subreddits WHERE id = step.subreddit_id LIMIT 1
        ) AS subreddit
        LEFT JOIN LATERAL (
            SELECT coalesce(reason, state) AS reason FROM step_waits
            WHERE step_id = step.id AND state <> 'succeeded'
            ORDER BY id LIMIT 1
        ) AS failed ON true
    ORDER BY taken.place, step.id LIMIT :at_most
    """)


def start(
    conn: Connection, *, at_most: int = CHUNK, skip: int = 0, now: datetime | None = None
) -> Settled:
    """Start at most `at_most` ready steps. In the result, `more` is true if steps may be left.

    Takes the groups that became ready first, but leaves out the first `skip` groups. If several
    processes call this function at the same time, the processes take different groups.
    """
    taken = {"groups": min(at_most, GROUPS_AT_ONCE), "skip": skip}
    group_ids = [*conn.execute(_TAKE_GROUPS, taken).scalars()]
    if not group_ids:
        return Settled()
    rows = conn.execute(_READY, {"ids": group_ids, "at_most": at_most}).all()
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
                row.group_id,
                StepState.PENDING,
                end.state,
                end.reason,
                skipped_for_upstream=end.state is StepState.SKIPPED,
            )
        )
    changes += _enqueued(conn, free, now)
    step_writes.change_steps(conn, changes, now=now)
    # A wait for all other steps of a group can end only if a step of the group has ended. The
    # statement reads all waits for these groups, including the waits of steps of other groups.
    ended = sorted({each.group_id for each in changes if each.after in FINAL})
    if ended:
        changes += wait_changes.settle_waits_for_all(conn, ended, now=now)
    finished = group_progress.update(conn, group_ids, changes, now=now)
    if len(rows) == at_most:
        begun = sorted({row.group_id for row in rows})
        conn.execute(_TO_THE_END, {"ids": begun, "now": now})
    return Settled(len(rows), changes, finished, more=True)


def _enqueued(conn: Connection, rows: Sequence[Any], now: datetime | None) -> list[StepChange]:
    """Enqueue the steps, with one request for all steps that differ only in their subreddits."""
    by_request: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        same = (
            row.priority,
            row.max_retries,
            row.visible_at,
            row.traceparent,
            row.scheduled_job_id,
        )
        by_request[same].append(row)
    requests = [
        EnqueueRequest(
            sorted({row.name for row in of_request}),
            priority,
            JobSource.USER if schedule is None else JobSource.SCHEDULE,
            max_retries=max_retries,
            visible_at=visible_at,
            scheduled_job_id=schedule,
            traceparent=traceparent,
            of_step=True,
        )
        for (
            priority,
            max_retries,
            visible_at,
            traceparent,
            schedule,
        ), of_request in by_request.items()
    ]
    results = iter(job_enqueue.enqueue_stored(conn, requests, now=now) if requests else [])
    enqueued: list[tuple[Any, Enqueued]] = []
    for request, of_request in zip(requests, by_request.values(), strict=True):
        by_name = {name: next(results) for name in request.subreddits}
        enqueued += [(row, by_name[row.name]) for row in of_request]
    return [
        StepChange(
            row.id,
            row.group_id,
            StepState.PENDING,
            StepState.ENQUEUED,
            job_id=result.job_id,
            follows_rerun=result.result is EnqueueResult.RERUN_REQUESTED,
        )
        for row, result in enqueued
    ]
