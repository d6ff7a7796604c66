"""Raise the priority of the open steps of a group and of their live jobs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, SmallInteger, any_, bindparam, func, update

from crawljobs.db.tables import group_steps
from crawljobs.domain.group import StepState
from crawljobs.domain.job import PRIORITY_MAX
from crawljobs.domain.operation import BatchResult
from crawljobs.domain.operator_verbs import Verb
from crawljobs.repository.groups.batches import step_batches
from crawljobs.repository.groups.batches.step_batches import BatchItem, BatchRequest, Chunk
from crawljobs.repository.queue import operator_changes
from crawljobs.repository.sql import ids, inline_number

_step = group_steps.c
_BOOST = (
    update(group_steps)
    .where(_step.id == any_(ids("ids")))
    .values(
        priority=func.least(
            inline_number(PRIORITY_MAX),
            _step.priority + bindparam("points", type_=SmallInteger),
        )
    )
)


def boost_steps(
    conn: Connection,
    request: BatchRequest,
    *,
    after: int,
    at_most: int,
    now: datetime | None = None,
) -> Chunk:
    """Boost the group's next open steps by `request.points`. The caller has locked the group.

    If a step follows a job, the function boosts the job. Otherwise the function raises the priority
    with which the step is enqueued later.
    """
    steps = step_batches.read(
        conn, step_batches.WALK_OPEN, group_id=request.group_id, after=after, at_most=at_most
    )
    waiting = [
        step
        for step in steps
        if step.state is not StepState.ENQUEUED and step.priority < PRIORITY_MAX
    ]
    if waiting and not request.dry_run:
        values = {"ids": [step.id for step in waiting], "points": request.points}
        conn.execute(_BOOST, values)
    jobs = operator_changes.change_many(
        conn,
        verb=Verb.BOOST,
        job_ids=step_batches.jobs_of([s for s in steps if s.state is StepState.ENQUEUED]),
        points=request.points,
        dry_run=request.dry_run,
        now=now,
    )
    step_batches.record_jobs(conn, request, Verb.BOOST, jobs)
    raised = {step.id for step in waiting}
    by_job = {change.job_id: change for change in jobs}
    items = []
    for step in steps:
        result, detail, job_id = BatchResult.UNCHANGED, "", None
        if step.state is StepState.ENQUEUED and step.job_id is not None:
            job_id, change = step.job_id, by_job[step.job_id]
            before = change.before
            if change.error is not None:
                result, detail = BatchResult.ENDED, str(change.error)
            elif before and min(before.priority, before.base_priority) < PRIORITY_MAX:
                result = BatchResult.BOOSTED
        elif step.id in raised:
            result = BatchResult.BOOSTED
        items.append(BatchItem(step.key, job_id, result, detail))
    return step_batches.chunk_of(steps, items, jobs, after=after, at_most=at_most)
