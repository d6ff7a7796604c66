"""Reads one page of jobs: by filters and a cursor, or the jobs with known ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from admin_api.http import pagination, responses, state
from admin_api.resources import job_filters
from admin_api.schemas.job_row import JobRow
from crawljobs.db.database import Connection
from crawljobs.domain import explanation
from crawljobs.domain.claim_surroundings import Surroundings
from crawljobs.domain.job import FINAL, Job, JobStatus
from crawljobs.domain.job_filter import JobSort
from crawljobs.repository.queue import job_list, job_reads
from crawljobs.repository.queue.explained import job_explain


def as_they_are(_: Connection, jobs: Sequence[Job]) -> Sequence[Job]:
    """Return the jobs unchanged."""
    return jobs


def page_of(
    params: Mapping[str, Any],
    *,
    listing: str,
    path: str,
    shown: Callable[[Connection, Sequence[Job]], Sequence[Job]] = as_they_are,
) -> responses.Response:
    """Return the page that the parameters request.

    `path` is the path of the list. A cursor contains `listing`, the name of the list, and works for
    no other list. `shown` turns the jobs of the page into its items.
    """
    page = pagination.Page.requested(listing, {**params, "ids": None})
    with state.current().database.read() as conn:
        if params["ids"]:
            found = job_reads.get_jobs(conn, job_ids=sorted(set(params["ids"])))
            return page.response_with(path, shown(conn, list(found.values())), next_at=None)
        listed = job_list.list_jobs(
            conn,
            filters=job_filters.parsed(conn, params),
            sort=JobSort(params["sort"]),
            after=page.after,
            limit=page.limit,
        )
        items = shown(conn, listed.jobs)
    return page.response_with(path, items, next_at=listed.next)


def rows(conn: Connection, jobs: Sequence[Job]) -> list[JobRow]:
    """Return each job with its obstacle, which is the unmet condition that delays the job most.

    One statement reads the causes of all waiting jobs.
    """
    waiting = [job for job in jobs if job.status not in FINAL | {JobStatus.CRAWLING}]
    causes = job_explain.causes_of(conn, jobs=waiting)
    return [_row(job, causes.get(job.id)) for job in jobs]


def _row(job: Job, around: Surroundings | None) -> JobRow:
    if around is None:
        return JobRow(**vars(job), obstacle=None, waits_for=None)
    waits_for = explanation.waits_of(job, around)
    return JobRow(**vars(job), obstacle=explanation.obstacle_of(job, around), waits_for=waits_for)
