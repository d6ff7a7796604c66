"""/api/admin/workers: the processes of the services, and the jobs that they crawl."""

from __future__ import annotations

from typing import Any

from admin_api.http import pagination, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.schemas.worker import WorkerListSchema, WorkerParameters
from crawljobs.domain import heartbeat_details
from crawljobs.domain.job import Job, JobStatus
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.operations import service_instances
from crawljobs.repository.operations.service_instances import Instance
from crawljobs.repository.queue import job_list

PREFIX = "/api/admin/workers"
JOBS_SHOWN = 1_000

blueprint = Blueprint("workers", __name__, url_prefix=PREFIX, description="Running processes")


@blueprint.get("")
@blueprint.parameters(WorkerParameters)
@blueprint.answers_page(WorkerListSchema, "One page of processes.")
def list_workers(params: dict[str, Any]) -> responses.Response:
    """List processes by name, with the jobs that they crawl

    A process stays in the list for one day after its last heartbeat.
    """
    page = pagination.Page.requested("workers", params)
    with state.current().database.read() as conn:
        found = service_instances.list_instances(
            conn,
            role=params["role"],
            after=None if page.after is None else str(page.after[0]),
            limit=page.rows_to_fetch,
        )
        crawling = job_list.list_jobs(
            conn,
            filters=JobFilter(statuses=frozenset({JobStatus.CRAWLING})),
            limit=JOBS_SHOWN,
        ).jobs
    by_worker: dict[str | None, list[Job]] = {}
    for job in crawling:
        by_worker.setdefault(job.claimed_by, []).append(job)
    shown = found[: page.limit]
    return page.response_with(
        PREFIX,
        [_shown(process, by_worker.get(process.name, [])) for process in shown],
        next_at=[shown[-1].name] if len(found) > page.limit else None,
    )


def _shown(process: Instance, jobs: list[Job]) -> dict[str, Any]:
    draining = process.details.get(heartbeat_details.DRAINING) is True
    return {**vars(process), "draining": draining, "jobs": jobs}
