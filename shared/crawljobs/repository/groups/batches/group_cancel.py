"""Cancel a group: its waiting steps, and the live jobs that only this group requested."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Text, bindparam, func, or_, update

from crawljobs.db.tables import job_groups
from crawljobs.domain.group import JobState, StepState, end_of_job
from crawljobs.domain.job import JobStatus
from crawljobs.domain.operation import BatchResult
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups import group_progress, step_writes
from crawljobs.repository.groups.batches import step_batches
from crawljobs.repository.groups.batches.step_batches import BatchItem, BatchRequest, Chunk, Step
from crawljobs.repository.groups.step_writes import StepChange
from crawljobs.repository.queue import operator_changes
from crawljobs.repository.sql import NOW

_group = job_groups.c
# A cancelled group is sealed, because only a sealed group can finish.
_MARK = (
    update(job_groups)
    .where(
        _group.id == bindparam("group_id", type_=BigInteger),
        or_(_group.cancelled_at.is_(None), _group.sealed_at.is_(None)),
    )
    .values(
        cancelled_at=func.coalesce(_group.cancelled_at, NOW),
        cancelled_by=func.coalesce(_group.cancelled_by, bindparam("by", type_=Text)),
        sealed_at=func.coalesce(_group.sealed_at, NOW),
    )
)


def mark(conn: Connection, request: BatchRequest, *, now: datetime | None = None) -> bool:
    """Seal the group and mark it as cancelled, so that no further step of the group starts.

    The caller has locked the group. Returns whether the group changed.
    """
    values = {"group_id": request.group_id, "by": request.requested_by, "now": now}
    changed = bool(conn.execute(_MARK, values).rowcount)
    group_progress.update(conn, [request.group_id], [], now=now)
    return changed


def cancel_steps(
    conn: Connection,
    request: BatchRequest,
    *,
    after: int,
    at_most: int,
    now: datetime | None = None,
) -> Chunk:
    """Cancel the next open steps of the group. The caller has locked the group.

    If other requests share a job, the job and its step go on.
    """
    steps = step_batches.read(
        conn,
        step_batches.WALK_OPEN,
        group_id=request.group_id,
        after=after,
        at_most=at_most,
    )
    followed = step_batches.jobs_of([s for s in steps if s.state is StepState.ENQUEUED])
    jobs = operator_changes.change_many(
        conn,
        verb=Verb.CANCEL,
        job_ids=step_batches.own_jobs(conn, followed, lock=not request.dry_run),
        actor=request.requested_by,
        dry_run=request.dry_run,
        now=now,
    )
    step_batches.record_jobs(conn, request, Verb.CANCEL, jobs)
    own = step_batches.done(jobs).keys()
    live = step_batches.live_jobs(conn, [each for each in followed if each not in own])
    items = [_item(step, own, live) for step in steps]
    finished = []
    if not request.dry_run:
        changes = [
            _change(request, step)
            for step, item in zip(steps, items, strict=True)
            if item.result is BatchResult.CANCELLED
        ]
        step_writes.change_steps(conn, changes, now=now)
        finished = group_progress.update(conn, [request.group_id], changes, now=now)
    return step_batches.chunk_of(
        steps, items, jobs, after=after, at_most=at_most, finished=finished
    )


def _item(step: Step, own: Set[int], live: Set[int]) -> BatchItem:
    if step.state is not StepState.ENQUEUED:
        return BatchItem(step.key, None, BatchResult.CANCELLED)
    if step.job_id in own:
        return BatchItem(step.key, step.job_id, BatchResult.CANCELLED)
    if step.job_id in live:
        detail = f"other requests share job {step.job_id}, so it stays"
        return BatchItem(step.key, step.job_id, BatchResult.KEPT, detail)
    detail = f"job {step.job_id} has ended, and the step ends with it"
    return BatchItem(step.key, step.job_id, BatchResult.ENDED, detail)


def _change(request: BatchRequest, step: Step) -> StepChange:
    reason: str | None = f"the group was cancelled by {request.requested_by}"
    job_id = step.job_id if step.state is StepState.ENQUEUED else None
    if job_id is not None:
        job = JobState(job_id, JobStatus.CANCELLED, cancelled_by=request.requested_by)
        end = end_of_job(job)
        reason = None if end is None else end.reason
    return StepChange(
        step.id, request.group_id, step.state, StepState.CANCELLED, reason, job_id=job_id
    )
