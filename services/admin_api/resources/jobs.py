"""/api/admin/jobs: enqueue, list, show and explain crawl jobs."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import preconditions, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import enqueueing, enqueueing_after, job_details, job_filters, job_pages
from admin_api.schemas.enqueue import EnqueuedSchema, EnqueueSchema
from admin_api.schemas.explanation import ExplanationSchema
from admin_api.schemas.job import (
    JobListSchema,
)
from admin_api.schemas.job_detail import JobDetailSchema
from admin_api.schemas.job_filter import JobParameters, MatchParameters
from admin_api.schemas.job_matches import JobMatchesSchema
from admin_api.schemas.job_row import JobRowListSchema
from admin_api.schemas.stats import Stats, StatsSchema
from admin_api.schemas.step import StepSchema
from crawljobs.domain import explanation
from crawljobs.domain.api_token import Scope
from crawljobs.repository.groups import group_counts
from crawljobs.repository.groups.explained import related_steps
from crawljobs.repository.queue import job_stats
from crawljobs.repository.queue.explained import job_explain
from crawljobs.repository.queue.matching import job_matches

PREFIX = enqueueing.JOBS_PATH

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
    therefore hold fewer jobs than `limit`, or none. With `ids`, the list has only the jobs with
    these ids, on one page.
    """
    return job_pages.page_of(params, listing="jobs", path=PREFIX)


@blueprint.get("/rows")
@blueprint.parameters(JobParameters)
@blueprint.answers_page(JobRowListSchema, "One page of jobs in their short form.")
def list_job_rows(params: dict[str, Any]) -> responses.Response:
    """List jobs in their short form

    The filters are those of the list of jobs. The short form has a third of the bytes, for a table
    of jobs that a client reads again and again. To read only the jobs in its table, the client
    sends `ids`. `waits_for` has the cause for which a job waits. The list of jobs does not have
    this field.
    """
    return job_pages.page_of(
        params, listing="job_rows", path=f"{PREFIX}/rows", shown=job_pages.rows
    )


@blueprint.get("/matches")
@blueprint.parameters(MatchParameters)
@blueprint.answers_polled(JobMatchesSchema, "The numbers of matching jobs.")
def count_job_matches(params: dict[str, Any]) -> dict[str, Any]:
    """Count the jobs that match a filter, by state

    The filters are those of the list. Without a filter, the numbers of finished jobs are exact. The
    other numbers stop at 1,000; `at_least` names the states that may have more.
    """
    with state.current().database.read() as conn:
        found = job_matches.count_matches(conn, filters=job_filters.parsed(conn, params))
    return {
        "by_status": found.by_status,
        "at_least": sorted(found.at_least),
        "total": sum(found.by_status.values()),
    }


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
    with state.current().database.read() as conn:
        detail = job_details.detail_of(conn, job_details.found(conn, job_id))
    return detail, 200, preconditions.etag(detail.version)


@blueprint.get("/<id:job_id>/explain")
@blueprint.answers(200, ExplanationSchema, "Why the job runs or does not run.")
@blueprint.problems("not_found")
def explain_job(job_id: int) -> dict[str, Any]:
    """Explain why a job runs or does not run

    Shows each condition for a claim with its value, the position in the queue, the reason why the
    job waits, and the steps of groups that depend on the job.
    """
    with state.current().database.read() as conn:
        found = job_details.found(conn, job_id)
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
