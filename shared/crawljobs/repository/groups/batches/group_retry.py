"""Retry the failed steps of a group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Connection, bindparam, null, update

from crawljobs.db.tables import job_groups
from crawljobs.domain.group import StepState
from crawljobs.domain.operation import BatchResult
from crawljobs.domain.operator_verbs import Verb
from crawljobs.errors import IllegalTransition
from crawljobs.repository.groups import group_progress, step_writes, wait_changes
from crawljobs.repository.groups.batches import step_batches
from crawljobs.repository.groups.batches.step_batches import BatchItem, BatchRequest, Chunk, Step
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.queue import operator_changes
from crawljobs.repository.queue.operator_changes import JobChange

# Removes the mark that the group is cancelled. With this mark, no step of the group would start.
_UNMARK = (
    update(job_groups)
    .where(
        job_groups.c.id == bindparam("group_id", type_=BigInteger),
        job_groups.c.cancelled_at.is_not(None),
    )
    .values(cancelled_at=null(), cancelled_by=null())
)


def retry_steps(
    conn: Connection,
    request: BatchRequest,
    *,
    after: int,
    at_most: int,
    now: datetime | None = None,
) -> Chunk:
    """Retry the next failed steps of the group. The caller has locked the group.

    - Usually the job of a step is retried like any other job.
    - If another request has already retried the job, the step follows the job again.
    - If the job was deleted, or its subreddit has another live job, the step becomes pending. Then
      the resolver enqueues the step.
    """
    steps = step_batches.read(
        conn, step_batches.WALK_FAILED, group_id=request.group_id, after=after, at_most=at_most
    )
    changes = operator_changes.change_many(
        conn,
        verb=Verb.RETRY,
        job_ids=step_batches.jobs_of(steps),
        traceparent=request.traceparent,
        actor=request.requested_by,
        dry_run=request.dry_run,
        now=now,
    )
    step_batches.record_jobs(conn, request, Verb.RETRY, changes)
    by_job = {change.job_id: change for change in changes}
    items = [_item(step, by_job) for step in steps]
    finished = []
    if steps and not request.dry_run:
        # The transaction that retries the first step ends the cancel of the group. Until then the
        # group has the outcome `cancelled`, so the cancel stays stored.
        conn.execute(_UNMARK, {"group_id": request.group_id})
        changed = [_change(request, step, item) for step, item in zip(steps, items, strict=True)]
        step_writes.change_steps(conn, changed, now=now)
        # The retried steps are open again. So a step that waits for all other steps of the group
        # must wait again.
        changed += wait_changes.settle_waits_for_all(conn, [request.group_id], now=now)
        finished = group_progress.update(conn, [request.group_id], changed, now=now)
    return step_batches.chunk_of(
        steps, items, changes, after=after, at_most=at_most, finished=finished
    )


def _item(step: Step, changes: Mapping[int, JobChange]) -> BatchItem:
    change = None if step.job_id is None else changes[step.job_id]
    if change is None:
        return BatchItem(step.key, None, BatchResult.PENDING)
    if change.error is None:
        return BatchItem(step.key, step.job_id, BatchResult.RETRIED)
    result = BatchResult.PENDING
    if isinstance(change.error, IllegalTransition):  # another request has retried the job
        result = BatchResult.FOLLOWS
    return BatchItem(step.key, step.job_id, result, str(change.error))


def _change(request: BatchRequest, step: Step, item: BatchItem) -> StepChange:
    if item.result is BatchResult.PENDING:
        return StepChange(step.id, request.group_id, step.state, StepState.PENDING)
    return StepChange(step.id, request.group_id, step.state, StepState.ENQUEUED, job_id=step.job_id)
