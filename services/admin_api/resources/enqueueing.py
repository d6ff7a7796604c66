"""Enqueues crawls for operators, writes the audit rows, and builds the responses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from admin_api.http import api_counters, auth, problems, responses, state
from crawljobs.db.database import Connection
from crawljobs.domain import audited_job
from crawljobs.domain import job as jobs
from crawljobs.domain.actor import Actor
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.repository.operations import audit_log
from crawljobs.repository.queue import job_enqueue
from crawljobs.repository.queue.job_enqueue import EnqueueChange
from crawljobs.runtime import tracing

JOBS_PATH = "/api/admin/jobs"
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the job."}}


def enqueue_one(
    subreddit: str,
    *,
    priority: int,
    max_retries: int | None = None,
    visible_at: datetime | None = None,
) -> responses.Response:
    """Enqueue one crawl, and write its audit row.

    The status is 201 for a new job. It is 200 if the subreddit already has a live job.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> EnqueueChange:
        (change,) = enqueue(
            conn,
            actor,
            [subreddit],
            priority=priority,
            max_retries=max_retries,
            visible_at=visible_at,
        )
        return change

    change = state.current().database.run(work)
    status = 201 if change.enqueued.result is jobs.EnqueueResult.CREATED else 200
    location = {"Location": f"{JOBS_PATH}/{change.after.id}"}
    return {"result": change.enqueued.result, "job": change.after}, status, location


def enqueue(
    conn: Connection,
    actor: Actor,
    names: Sequence[str],
    *,
    priority: int,
    max_retries: int | None,
    visible_at: datetime | None,
) -> list[EnqueueChange]:
    """Enqueue a crawl of each subreddit, and write an audit row for each crawl.

    Returns one result for each subreddit, in the order in which the names first occur.
    """
    if max_retries is None:
        max_retries = state.current().max_retries
    with tracing.span("enqueue", tracing.Kind.PRODUCER) as span:
        request = EnqueueRequest(
            names,
            priority,
            jobs.JobSource.USER,
            max_retries=max_retries,
            visible_at=visible_at,
            traceparent=str(span.context),
        )
        changes = job_enqueue.enqueue_with_jobs(conn, [request])
        describe_results(span, [change.enqueued for change in changes])
    api_counters.enqueued(conn, [change.enqueued for change in changes], jobs.JobSource.USER)
    audit_log.record_many(
        conn,
        actor=actor,
        action="enqueue",
        resource_type="crawl_job",
        changes=[
            audit_log.Change(
                change.after.id,
                None if change.before is None else audited(change.before),
                {"result": change.enqueued.result, **audited(change.after)},
            )
            for change in changes
        ],
    )
    return changes


def describe_results(span: tracing.Span, results: Sequence[jobs.Enqueued]) -> None:
    """Add the number of jobs to a trace span. For one job, add its id, subreddit and result too."""
    span.set_attributes({"crawljobs.jobs": len(results)})
    if len(results) == 1:
        (only,) = results
        span.set_attributes(
            {
                "crawljobs.job.id": only.job_id,
                "crawljobs.subreddit": only.subreddit,
                "crawljobs.outcome": only.result,
            }
        )


def audited(job: jobs.Job) -> dict[str, Any]:
    """Return the fields of a job for the audit log, as JSON values."""
    return audited_job.audited(job)


def no_such_job(job_id: int) -> problems.Problem:
    return problems.Problem("not_found", f"There is no job {job_id}.")
