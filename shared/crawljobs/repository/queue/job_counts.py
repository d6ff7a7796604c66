"""Count the jobs by status at a limited cost.

Triggers count the finished jobs. The count of live jobs stops at a limit in each status.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, func, select, union_all

from crawljobs.db.tables import crawl_job_count_changes, crawl_job_counts, crawl_jobs
from crawljobs.domain.job import FINAL, LIVE, JobStatus
from crawljobs.domain.queue_stats import JobCounts
from crawljobs.repository.sql import count_up_to, inline, inline_number

COUNT_MAX = 100_000  # limit of the counted live jobs in each status; counting takes about 10 ms

_job = crawl_jobs.c


_finished = union_all(
    select(crawl_job_counts.c.status, crawl_job_counts.c.jobs),
    select(crawl_job_count_changes.c.status, crawl_job_count_changes.c.change),
).subquery("finished")


def _live(status: JobStatus, at_most: int) -> Select[str, int]:
    jobs = select(inline_number(1).label("one")).where(_job.status == inline(status))
    return count_up_to(at_most + 1, jobs).with_only_columns(
        inline(status).label("status"), func.count().label("jobs")
    )


@lru_cache(maxsize=8)
def counts(at_most: int) -> CompoundSelect[Any]:
    """Return the query that counts the jobs of each status except `queued`.

    The count of a live status stops at `at_most`.
    """
    return union_all(
        *(_live(status, at_most) for status in sorted(LIVE - {JobStatus.QUEUED})),
        select(_finished.c.status, func.sum(_finished.c.jobs)).group_by(_finished.c.status),
    )


@lru_cache(maxsize=8)
def queued_by_priority(at_most: int) -> Select[Any]:
    """Return the query that counts the queued jobs of each priority, the highest priority first."""
    queued = (
        select(_job.priority)
        .where(_job.status == inline("queued"))
        .order_by(_job.priority.desc(), _job.created_at, _job.id)
        .limit(inline_number(at_most + 1))
        .subquery("queued")
    )
    return (
        select(queued.c.priority, func.count().label("jobs"))
        .group_by(queued.c.priority)
        .order_by(queued.c.priority.desc())
    )


def count_jobs(conn: Connection, *, at_most: int = COUNT_MAX) -> JobCounts:
    """Return the number of jobs for each status, and of queued jobs for each priority.

    The count of a live status stops at `at_most`. Then `capped` contains that status.
    """
    by_status = dict.fromkeys(JobStatus, 0)
    for row in conn.execute(counts(at_most)):
        by_status[JobStatus(row.status)] = int(row.jobs)
    queued = {row.priority: row.jobs for row in conn.execute(queued_by_priority(at_most))}
    by_status[JobStatus.QUEUED] = sum(queued.values())
    capped = {s for s, count in by_status.items() if count > at_most and s not in FINAL}
    by_status |= dict.fromkeys(capped, at_most)
    return JobCounts(by_status=by_status, capped=frozenset(capped), queued_by_priority=queued)
