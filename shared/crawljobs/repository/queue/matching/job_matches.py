"""Count the jobs that match filters, by state. A count reads a limited number of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, func, select, union_all

from crawljobs.domain.job import JobStatus
from crawljobs.domain.job_filter import JobFilter, JobSort
from crawljobs.repository.queue import job_counts, job_list, job_page
from crawljobs.repository.queue.job_page import PageShape
from crawljobs.repository.sql import inline

COUNT_MAX = 1_000  # limit of the counted jobs in each state
SCAN_LIMIT = 2_000  # limit of the examined jobs in each state, in a few milliseconds


@dataclass(frozen=True)
class JobMatches:
    """The numbers of matching jobs by state. In the states of `at_least`, more jobs may match."""

    by_status: Mapping[JobStatus, int]
    at_least: frozenset[JobStatus]


def count_matches(conn: Connection, *, filters: JobFilter) -> JobMatches:
    """Count the matching jobs. Without filters, uses the stored counts of finished jobs.

    With filters, the newest SCAN_LIMIT jobs of each state are examined. With a filter on
    finished_at, the jobs that finished last are examined.
    """
    is_by_end = filters.finished_after is not None or filters.finished_before is not None
    sort = JobSort.ENDED_LAST if is_by_end else JobSort.NEWEST
    statuses = filters.possible_statuses(sort)
    given = job_list.given_filters(filters)
    if not given:
        kept = job_counts.count_jobs(conn, at_most=COUNT_MAX)
        known = {status: kept.by_status[status] for status in sorted(statuses)}
        return JobMatches(known, kept.capped & statuses)
    by_status = dict.fromkeys(sorted(statuses), 0)
    at_least = set()
    shown = (sort, tuple(sorted(statuses)), tuple(given), SCAN_LIMIT)
    for row in conn.execute(matches_statement(*shown), given) if statuses else ():
        status = JobStatus(row.status)
        by_status[status] = min(row.found, COUNT_MAX)
        if row.found > COUNT_MAX or row.examined >= SCAN_LIMIT:
            at_least.add(status)
    return JobMatches(by_status, frozenset(at_least))


@lru_cache(maxsize=256)
def matches_statement(
    sort: JobSort, statuses: tuple[JobStatus, ...], given: tuple[str, ...], scan_limit: int
) -> CompoundSelect[Any]:
    """Return the statement that counts the matching jobs, with one row for each state."""
    selects = []
    for status in statuses:
        shape = PageShape(sort, (status,), given, False, 0, scan_limit)
        walked = job_page.walk_of(shape).subquery("examined")
        selects.append(
            select(
                inline(status).label("status"),
                func.count().filter(job_page.rest_of(shape, walked)).label("found"),
                func.count().label("examined"),
            ).select_from(walked)
        )
    return union_all(*selects)
