"""A subquery for the jobs that the steps of a group follow. Lists of jobs read it like a table."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import FromClause, bindparam, select, true

from crawljobs.db.tables import crawl_jobs, group_steps
from crawljobs.repository.sql import ONE_ROW, inline_number


def of_group(columns: Iterable[str]) -> FromClause:
    """Return a subquery with these columns of the jobs of the group `:group_id`, each job once."""
    followed = (
        select(group_steps.c.job_id)
        .where(group_steps.c.group_id == bindparam("group_id"), group_steps.c.job_id.is_not(None))
        .distinct()
        .offset(inline_number(0))
        .subquery("followed")
    )
    # LATERAL with LIMIT 1 makes the planner look up each job by its id, even if the statistics of
    # the table are out of date.
    job = (
        select(*(crawl_jobs.c[name] for name in columns))
        .where(crawl_jobs.c.id == followed.c.job_id)
        .limit(ONE_ROW)
        .lateral("job")
    )
    return select(job).select_from(followed.join(job, true())).subquery("of_group")
