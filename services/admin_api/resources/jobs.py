"""/api/admin/jobs: enqueue, list, show and explain crawl jobs."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import auth, preconditions, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import enqueueing, enqueueing_after, job_pages
from admin_api.schemas.enqueue import EnqueuedSchema, EnqueueSchema
from admin_api.schemas.explanation import ExplanationSchema
from admin_api.schemas.job import (
    JobListSchema,
)
from admin_api.schemas.job_detail import JobDetail, JobDetailSchema
from admin_api.schemas.job_filter import JobParameters
from admin_api.schemas.job_row import JobRowListSchema
from admin_api.schemas.stats import Stats, StatsSchema
from admin_api.schemas.step import StepSchema
from crawljobs.domain import explanation
from crawljobs.domain.api_token import Scope
from crawljobs.repository.groups import group_counts
from crawljobs.repository.groups.explained import related_steps
from crawljobs.repository.operations import audit_entry, audit_log
from crawljobs.repository.queue import job_explain, job_reads, job_stats

PREFIX = enqueueing.JOBS_PATH
ATTEMPTS_SHOWN = 100
AUDIT_ENTRIES_SHOWN = 50

blueprint = Blueprint(
    "jobs",
    __name__,
    url_prefix=PREFIX,
    description="Crawl jobs",
    changes=Scope.JOBS,
)


@blueprint.post("")
@blueprint.body(
    EnqueueSchema,
    examples={
        "enqueue": {"value": {"subreddit": "python", "priority": 60}},
        "after": {"value": {"subreddit": "golang", "after": [1]}},
    },
)
@blueprint.answers(201, EnqueuedSchema, "A new job.", headers=enqueueing.LOCATION)
@blueprint.also_answers(
    200,
    EnqueuedSchema,
    "The subreddit's live job also serves this request.",
    headers=enqueueing.LOCATION,
)
@blueprint.also_answers(
    202,
    StepSchema,
    "A step, which starts when the jobs in `after` have succeeded.",
    headers={"Location": {"schema": {"type": "string"}, "description": "The path of the step."}},
)
def enqueue_job(params: dict[str, Any]) -> responses.Response | flask.Response:
    """Enqueue a crawl, at once or after other jobs

    A subreddit has at most one live job. A further request for the subreddit merges into the live
    job, which gets the higher of the two priorities. If the job is being crawled, the subreddit is
    crawled once more afterwards.
    """
    after = params.pop("after")
    if after:
        return enqueueing_after.enqueue_after(**params, after=after)
    return enqueueing.enqueue_one(**params)


@blueprint.get("")
@blueprint.parameters(JobParameters)
@blueprint.answers_page(JobListSchema, "One page of jobs.")
def list_jobs(params: dict[str, Any]) -> responses.Response:
    """List jobs

    A job must match all filters. `next` (or the Link header) leads to the next page. New jobs do
    not shift the pages. For a page, the API examines at most 10,000 jobs. A page with `next` may
    therefore hold fewer jobs than `limit`, or none. `ids` reads known jobs, on one page.
    """
    return job_pages.page_of(params, listing="jobs", path=PREFIX)


@blueprint.get("/rows")
@blueprint.parameters(JobParameters)
@blueprint.answers_page(JobRowListSchema, "One page of jobs in their short form.")
def list_job_rows(params: dict[str, Any]) -> responses.Response:
    """List jobs in their short form

    The same list with the same filters, in a third of the bytes: for a table of jobs that a
    client reads again and again. `ids` reads only the jobs in the client's table.
    """
    return job_pages.page_of(params, listing="job_rows", path=f"{PREFIX}/rows")


@blueprint.get("/stats")
@blueprint.answers(200, StatsSchema, "The queue in numbers.")
def show_job_stats() -> Stats:
    """Count jobs by state and priority, and groups and steps, with statistics of recent crawls"""
    with state.current().database.read() as conn:
        stats = job_stats.queue_stats(conn)
        return Stats(**vars(stats), groups=group_counts.count_groups(conn))


@blueprint.get("/<id:job_id>")
@blueprint.answers(200, JobDetailSchema, "The job.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def show_job(job_id: int) -> responses.Response:
    """Show a job, its progress, its newest attempts and its newest changes by operators"""
    # The list has a limited length. With refused requests in the list, the job's changes might not
    # fit. So the list has changes only.
    of_job = audit_log.AuditFilter(
        resource_type="crawl_job", resource_id=str(job_id), changes_only=True
    )
    with state.current().database.read() as conn:
        found = job_reads.get_job(conn, job_id=job_id)
        if found is None:
            raise enqueueing.no_such_job(job_id)
        entries = audit_log.list_entries(conn, filters=of_job, limit=AUDIT_ENTRIES_SHOWN).entries
        if Scope.AUDIT not in auth.current_identity().scopes:
            entries = [audit_entry.without_origin(entry) for entry in entries]
        related = related_steps.of_job(conn, job_id=job_id)
        detail = JobDetail(
            **vars(found),
            attempts=job_reads.list_attempts(conn, job_id=job_id, limit=ATTEMPTS_SHOWN),
            audit_log=entries,
            steps=related.shown,
            steps_total=related.total,
        )
    return detail, 200, preconditions.etag(found.version)


@blueprint.get("/<id:job_id>/explain")
@blueprint.answers(200, ExplanationSchema, "Why the job runs or does not run.")
@blueprint.problems("not_found")
def explain_job(job_id: int) -> dict[str, Any]:
    """Explain why a job runs or does not run

    Shows each condition for a claim with its value, the position in the queue, the reason why the
    job waits, and the steps of groups that depend on the job.
    """
    with state.current().database.read() as conn:
        found = job_reads.get_job(conn, job_id=job_id)
        if found is None:
            raise enqueueing.no_such_job(job_id)
        around = job_explain.surroundings(conn, job=found)
        related = related_steps.of_job(conn, job_id=job_id)
    explained = explanation.explain(found, around)
    return {
        "job_id": found.id,
        "status": found.status,
        **vars(explained),
        "steps": related.shown,
        "steps_total": related.total,
    }
