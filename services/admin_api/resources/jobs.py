"""/api/admin/jobs: enqueue crawls and watch them."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, pagination, preconditions, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import enqueueing, job_filters
from admin_api.schemas.explanation import ExplanationSchema
from admin_api.schemas.job import (
    EnqueuedSchema,
    EnqueueSchema,
    JobDetailSchema,
    JobListSchema,
)
from admin_api.schemas.job_filter import JobParameters
from admin_api.schemas.stats import StatsSchema
from crawljobs.domain import explanation
from crawljobs.domain.access import Scope
from crawljobs.domain.job_filter import JobSort
from crawljobs.domain.queue_stats import QueueStats
from crawljobs.repository.operations import audit_entry, audit_log
from crawljobs.repository.queue import job_explain, job_list, job_reads, job_stats

PREFIX = enqueueing.JOBS_PATH
ATTEMPTS_SHOWN = 100
AUDIT_ENTRIES_SHOWN = 50

blueprint = Blueprint(
    "jobs",
    __name__,
    url_prefix=PREFIX,
    description="Crawls, asked for and run",
    changes=Scope.JOBS,
)


@blueprint.post("")
@blueprint.body(
    EnqueueSchema,
    examples={"enqueue": {"value": {"subreddit": "python", "priority": 60}}},
)
@blueprint.answers(201, EnqueuedSchema, "A new job.", headers=enqueueing.LOCATION)
@blueprint.also_answers(
    200,
    EnqueuedSchema,
    "The subreddit's live job serves this request too.",
    headers=enqueueing.LOCATION,
)
@blueprint.problems(408, 415, 422)
def enqueue_job(asked: dict[str, Any]) -> enqueueing.Answer:
    """Enqueue a crawl

    A subreddit has at most one live job. Enqueueing it again never fails: the live job takes the
    higher priority, and is run once more afterwards when it is being crawled at this moment.
    """
    return enqueueing.enqueue_one(**asked)


@blueprint.get("")
@blueprint.parameters(JobParameters)
@blueprint.answers(200, JobListSchema, "One page of jobs.", headers=pagination.LINK_HEADER)
@blueprint.problems(422)
def list_jobs(asked: dict[str, Any]) -> enqueueing.Answer:
    """List jobs

    Filters are combined. Follow `next` (or the Link header) to the following page; jobs that are
    enqueued meanwhile do not shift it. A page looks at 10,000 jobs at most: when the filter is
    met by few of very many, it may hold fewer than `limit`, or none, and still have a `next`.
    """
    page = pagination.Page.asked_for("jobs", asked)
    with state.current().database.read() as conn:
        found = job_list.list_jobs(
            conn,
            filters=job_filters.asked_for(conn, asked),
            sort=JobSort(asked["sort"]),
            after=page.after,
            limit=page.limit,
        )
    return page.answer_with(PREFIX, found.jobs, next_at=found.next)


@blueprint.get("/stats")
@blueprint.answers(200, StatsSchema, "The queue in numbers.")
@blueprint.problems()
def show_stats() -> QueueStats:
    """Count jobs by state and priority, and tell how crawls went lately"""
    with state.current().database.read() as conn:
        return job_stats.queue_stats(conn)


@blueprint.get("/<id:job_id>")
@blueprint.answers(200, JobDetailSchema, "The job.", headers=preconditions.HEADER)
@blueprint.problems(404)
def show_job(job_id: int) -> enqueueing.Answer:
    """Show a job, its progress, its last attempts and what operators did to it"""
    # Refusals are left out: whoever is refused often would hide what was done.
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
        body = {
            "job": found,
            "attempts": job_reads.list_attempts(conn, job_id=job_id, limit=ATTEMPTS_SHOWN),
            "audit_log": entries,
        }
    return body, 200, preconditions.etag(found.version)


@blueprint.get("/<id:job_id>/explain")
@blueprint.answers(200, ExplanationSchema, "Why it runs or does not.")
@blueprint.problems(404)
def explain_job(job_id: int) -> dict[str, Any]:
    """Explain why a job runs or does not

    Every condition of a claim with its value, the job's place in the queue, what it waits for.
    """
    with state.current().database.read() as conn:
        found = job_reads.get_job(conn, job_id=job_id)
        if found is None:
            raise enqueueing.no_such_job(job_id)
        around = job_explain.surroundings(conn, job=found)
    explained = explanation.explain(found, around)
    return {"job_id": found.id, "status": found.status, **vars(explained)}
