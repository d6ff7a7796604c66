"""List jobs that match filters, page by page. A page reads an index and never the whole table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection

from crawljobs.domain.job import Job
from crawljobs.domain.job_filter import JobFilter, JobSort
from crawljobs.repository import paging
from crawljobs.repository.queue import job_page, job_reads
from crawljobs.repository.queue.job_page import PageShape
from crawljobs.repository.queue.matching import filter_conditions

SCAN_LIMIT = 10_000  # limit of the jobs that one page checks, in about 20 ms


@dataclass(frozen=True)
class JobPage:
    """One page of jobs. Pass `next` as `after` to read the next page. Last page: `next` is None."""

    jobs: list[Job]
    next: list[Any] | None


def list_jobs(
    conn: Connection,
    *,
    filters: JobFilter,
    sort: JobSort = JobSort.NEWEST,
    after: list[Any] | None = None,
    limit: int = 100,
    scan_limit: int | None = None,
) -> JobPage:
    """Return a page of at most `limit` jobs that match `filters`, in the order of `sort`.

    `after` is the `next` of the previous page. Even a page with fewer than `limit` jobs can have a
    next page, because the search for one page checks at most `scan_limit` jobs.
    """
    statuses = filters.possible_statuses(sort)
    if not statuses:
        return JobPage([], None)
    given = given_filters(filters)
    # Reads one job more than the page holds, because that job shows that there is a next page.
    shape = PageShape(
        sort,
        tuple(sorted(statuses)),
        tuple(given),
        after is not None,
        limit + 1,
        scan_limit or SCAN_LIMIT,
    )
    values = {**given, **{f"after_{n}": part for n, part in enumerate(after or ())}}
    rows = conn.execute(job_page.page_statement(shape), values).all()
    found, following = paging.cut(rows, limit=limit)
    return JobPage([job_reads.to_job(row) for row in found], following)


def given_filters(filters: JobFilter) -> dict[str, Any]:
    """Return the given filters except the statuses, as values for the parameters of a statement."""
    given = {
        field.name: value
        for field in fields(filters)
        if (value := getattr(filters, field.name)) is not None
        and field.name in filter_conditions.CONDITIONS
    }
    given["sources"] = sorted(filters.sources)
    if not given["sources"]:
        del given["sources"]
    if "error_text" in given:
        given["error_text"] = f"%{_escaped(given['error_text'])}%"
    return given


def _escaped(part: str) -> str:
    return part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
