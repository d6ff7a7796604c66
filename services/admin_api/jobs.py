"""/api/admin/jobs: enqueue crawls and watch them."""

from __future__ import annotations

from typing import Any

from admin_api import auth, errors, pages, state
from admin_api.blueprint import Blueprint
from admin_api.schemas.fields import refuse_value
from admin_api.schemas.job import (
    SUCCESS,
    EnqueuedSchema,
    EnqueueSchema,
    JobDetailSchema,
    JobListSchema,
    JobParameters,
    JobSchema,
)
from admin_api.schemas.stats import StatsSchema
from crawljobs.db.database import Connection
from crawljobs.domain import job as jobs
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.access import Scope
from crawljobs.errors import InvalidSubredditName
from crawljobs.repository import audit_log, job_queries, job_queue

PREFIX = "/api/admin/jobs"
ATTEMPTS_SHOWN = 100

blueprint = Blueprint(
    "jobs",
    __name__,
    url_prefix=PREFIX,
    description="Crawls, asked for and run",
    changes=Scope.JOBS,
)

LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The job's own path."}}


def checked_subreddit(name: str) -> str:
    try:
        return subreddits.checked_name(name)
    except InvalidSubredditName as error:
        raise refuse_value("/subreddit", str(error)) from None


@blueprint.post("")
@blueprint.body(
    EnqueueSchema,
    examples={"enqueue": {"value": {"subreddit": "python", "priority": 60}}},
)
@blueprint.answers(201, EnqueuedSchema, "A new job.", headers=LOCATION)
@blueprint.also_answers(
    200, EnqueuedSchema, "The subreddit's live job serves this request too.", headers=LOCATION
)
@blueprint.problems(408, 415, 422)
def enqueue_job(asked: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Enqueue a crawl

    A subreddit has at most one live job. Enqueueing it again never fails: the live job takes the
    higher priority, and is run once more afterwards when it is being crawled at this moment.
    """
    asked["subreddit"] = checked_subreddit(asked["subreddit"])
    if asked["max_retries"] is None:
        asked["max_retries"] = state.current().max_retries
    actor = auth.current_actor()

    def work(conn: Connection) -> tuple[jobs.Enqueued, jobs.Job]:
        before = _live_job(conn, asked["subreddit"])
        enqueued = job_queue.enqueue(conn, source=jobs.JobSource.USER, **asked)
        after = job_queries.get_job(conn, job_id=enqueued.job_id)
        if after is None:
            raise AssertionError("the row is locked by this transaction")
        audit_log.record(
            conn,
            actor=actor,
            action="enqueue",
            resource_type="crawl_job",
            resource_id=enqueued.job_id,
            before=None if before is None or before.id != after.id else _audited(before),
            after={"result": enqueued.result, **_audited(after)},
        )
        return enqueued, after

    enqueued, after = state.current().database.run(work)
    status = 201 if enqueued.result is jobs.EnqueueResult.CREATED else 200
    location = {"Location": f"{PREFIX}/{after.id}"}
    return {"result": enqueued.result, "job": after}, status, location


def _live_job(conn: Connection, subreddit: str) -> jobs.Job | None:
    live = sorted(jobs.LIVE)
    found = job_queries.list_jobs(conn, statuses=live, subreddit=subreddit, limit=1)
    return found[0] if found else None


_AUDITED_FIELDS = (
    "subreddit",
    "status",
    "priority",
    "base_priority",
    "max_retries",
    "visible_at",
    "rerun_requested",
)


def _audited(shown: jobs.Job) -> dict[str, Any]:
    """What an operator's change can touch, as JSON."""
    dumped: dict[str, Any] = JobSchema(only=_AUDITED_FIELDS).dump(shown)
    return dumped


@blueprint.get("")
@blueprint.parameters(JobParameters)
@blueprint.answers(200, JobListSchema, "One page of jobs.", headers=pages.LINK_HEADER)
@blueprint.problems(422)
def list_jobs(asked: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """List jobs, newest first

    Filters are combined. Follow `next` (or the Link header) to the following page; jobs that are
    enqueued meanwhile do not shift it.
    """
    page = pages.Page.asked_for("jobs", asked)
    subreddit = None if asked["subreddit"] is None else checked_subreddit(asked["subreddit"])
    with state.current().database.begin() as conn:
        found = job_queries.list_jobs(
            conn,
            statuses=[jobs.JobStatus(_plain_status(status)) for status in asked["status"]],
            subreddit=subreddit,
            before_id=page.last_id,
            limit=page.rows_to_fetch,
        )
    return page.answer(PREFIX, found)


def _plain_status(status: str) -> str:
    return jobs.JobStatus.SUCCEEDED if status == SUCCESS else status


@blueprint.get("/stats")
@blueprint.answers(200, StatsSchema, "The queue in numbers.")
@blueprint.problems()
def show_stats() -> jobs.QueueStats:
    """Count jobs by state and priority"""
    with state.current().database.begin() as conn:
        return job_queries.queue_stats(conn)


@blueprint.get("/<id:job_id>")
@blueprint.answers(200, JobDetailSchema, "The job.")
@blueprint.problems(404)
def show_job(job_id: int) -> dict[str, Any]:
    """Show a job, its progress and its last attempts"""
    with state.current().database.begin() as conn:
        found = job_queries.get_job(conn, job_id=job_id)
        if found is None:
            raise errors.Problem("not_found", f"There is no job {job_id}.")
        attempts = job_queries.list_attempts(conn, job_id=job_id, limit=ATTEMPTS_SHOWN)
    return {"job": found, "attempts": attempts}
