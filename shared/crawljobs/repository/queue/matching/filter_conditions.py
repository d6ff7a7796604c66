"""The condition of each filter of jobs, as an SQL expression."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, FromClause, and_, any_, bindparam, select, true

from crawljobs.db.tables import scheduled_jobs
from crawljobs.domain.job import WaitReason
from crawljobs.repository.sql import inline, texts

Condition = Callable[[FromClause], ColumnElement[bool]]

_schedule_id = (
    select(scheduled_jobs.c.id)
    .where(scheduled_jobs.c.id == bindparam("scheduled_job_id"))
    .scalar_subquery()
)


def _shows_error(job: FromClause) -> ColumnElement[bool]:
    """Return `is_current_error` of domain/job.py as SQL, for jobs that wait or have failed."""
    return job.c.wait_reason.is_distinct_from(inline(WaitReason.PAUSED))


CONDITIONS: dict[str, Condition] = {
    "subreddit_id": lambda job: job.c.subreddit_id == bindparam("subreddit_id"),
    "scheduled_job_id": lambda job: job.c.scheduled_job_id == _schedule_id,
    # True, because a page with this filter reads only the jobs of the group.
    "group_id": lambda job: true(),
    "sources": lambda job: job.c.source == any_(texts("sources")),
    "priority_min": lambda job: job.c.priority >= bindparam("priority_min"),
    "priority_max": lambda job: job.c.priority <= bindparam("priority_max"),
    "error_kind": lambda job: and_(job.c.error_kind == bindparam("error_kind"), _shows_error(job)),
    "error_text": lambda job: and_(
        job.c.error_message.ilike(bindparam("error_text")), _shows_error(job)
    ),
    "created_after": lambda job: job.c.created_at >= bindparam("created_after"),
    "created_before": lambda job: job.c.created_at < bindparam("created_before"),
    "finished_after": lambda job: job.c.finished_at >= bindparam("finished_after"),
    "finished_before": lambda job: job.c.finished_at < bindparam("finished_before"),
    "worker": lambda job: job.c.claimed_by == bindparam("worker"),
    "incomplete": lambda job: job.c.incomplete == bindparam("incomplete"),
}
