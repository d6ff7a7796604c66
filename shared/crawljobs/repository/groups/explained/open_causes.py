"""Read the causes that hold up an open group: its held steps, and the states of its jobs."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select

from crawljobs.db.tables import crawl_jobs, group_steps
from crawljobs.domain.group import StepState
from crawljobs.domain.group_obstacles import JobsOfGroup
from crawljobs.repository.sql import ONE_ROW, inline, inline_number

JOBS_MAX = 1_000  # limit of the enqueued steps whose jobs are counted

_step = group_steps.c
_of_group = _step.group_id == bindparam("group_id")
_enqueued = (
    select(_step.job_id)
    .where(_of_group, _step.state == inline(StepState.ENQUEUED))
    .order_by(_step.id)
    .limit(inline_number(JOBS_MAX))
    .subquery("enqueued")
)
_job = (
    select(crawl_jobs.c.status, crawl_jobs.c.wait_reason)
    .where(crawl_jobs.c.id == _enqueued.c.job_id)
    .limit(ONE_ROW)
    .lateral("job")
)
_JOBS = (
    select(_job.c.status, _job.c.wait_reason, func.count().label("jobs"))
    .select_from(_enqueued.join(_job, _enqueued.c.job_id > inline_number(0)))
    .group_by(_job.c.status, _job.c.wait_reason)
    .order_by(_job.c.status, _job.c.wait_reason)
)
_FIRST_HELD = (
    select(_step.key)
    .where(_of_group, _step.state == inline(StepState.HELD))
    .order_by(_step.id)
    .limit(ONE_ROW)
)


def jobs_of(conn: Connection, *, group_id: int) -> list[JobsOfGroup]:
    """Count the jobs of the first JOBS_MAX enqueued steps, by job status and wait reason."""
    return [
        JobsOfGroup(row.status, row.wait_reason, row.jobs)
        for row in conn.execute(_JOBS, {"group_id": group_id})
    ]


def first_held(conn: Connection, *, group_id: int) -> str | None:
    """Return the key of the first held step, or None."""
    found: str | None = conn.execute(_FIRST_HELD, {"group_id": group_id}).scalar()
    return found
