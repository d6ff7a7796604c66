"""Selects the jobs of a bulk change: by their ids or by a filter."""

from __future__ import annotations

from typing import Any

from admin_api.http import problems
from admin_api.resources import job_filters
from admin_api.schemas.bulk import ITEMS_MAX
from crawljobs.db.database import Connection
from crawljobs.repository.queue import job_list

# The limit of jobs that are examined for a filter. An examination of more jobs could take longer
# than a request may take.
JOBS_EXAMINED_MAX = 100_000


def selected(conn: Connection, params: dict[str, Any]) -> list[int]:
    """Return the ids of the jobs to change.

    Raises a Problem if a filter matches too many jobs, or if the number of matching jobs differs
    from `expected_count`.
    """
    if "job_ids" in params:
        ids: list[int] = params["job_ids"]
        return ids
    page = job_list.list_jobs(
        conn,
        filters=job_filters.parsed(conn, params["filter"]),
        limit=ITEMS_MAX,
        scan_limit=JOBS_EXAMINED_MAX,
    )
    if page.next is not None:
        raise problems.Problem(
            "too_many_matches",
            f"A filter may match at most {ITEMS_MAX:,} jobs and examine at most "
            f"{JOBS_EXAMINED_MAX:,}. Narrow the filter, for example by state or time.",
            [problems.FieldError("/filter", "matches too many jobs")],
        )
    expected = params.get("expected_count", len(page.jobs))
    if expected != len(page.jobs):
        raise problems.Problem(
            "count_mismatch",
            f"The filter matches {len(page.jobs)} jobs, not {expected}; nothing was changed.",
            [problems.FieldError("/expected_count", f"the filter matches {len(page.jobs)}")],
        )
    return [job.id for job in page.jobs]
