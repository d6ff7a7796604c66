"""Reads one page of jobs: by filters and a cursor, or the jobs with known ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from admin_api.http import pagination, responses, state
from admin_api.resources import job_filters
from crawljobs.domain.job_filter import JobSort
from crawljobs.repository.queue import job_list, job_reads


def page_of(params: Mapping[str, Any], *, listing: str, path: str) -> responses.Response:
    """Return the page that the parameters request.

    `listing` is the name of the list in cursors, and `path` is the path of the next page.
    """
    page = pagination.Page.requested(listing, {**params, "ids": None})
    with state.current().database.read() as conn:
        if params["ids"]:
            found = job_reads.get_jobs(conn, job_ids=sorted(set(params["ids"])))
            return page.response_with(path, list(found.values()), next_at=None)
        listed = job_list.list_jobs(
            conn,
            filters=job_filters.parsed(conn, params),
            sort=JobSort(params["sort"]),
            after=page.after,
            limit=page.limit,
        )
    return page.response_with(path, listed.jobs, next_at=listed.next)
