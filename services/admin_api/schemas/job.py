"""Schemas of crawl jobs."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.account_names import HIDDEN, Checkpoint
from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import (
    Timestamp,
    described,
    identifier,
    next_cursor,
)
from admin_api.schemas.known import known
from admin_api.schemas.progress import ProgressOfJob
from crawljobs.domain import job

STATUSES = [status.value for status in job.JobStatus]
SUCCESS = "success"  # a synonym of `succeeded` that filters accept


class TraceId(fields.String):
    """A field that shows the trace id of a W3C traceparent."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else str(value).split("-")[1]


class Seconds(fields.Float):
    """A number of seconds, rounded to milliseconds."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> float | None:
        return None if value is None else round(value, 3)


class JobSchema(DirectDump):
    """A job: the crawl of one subreddit."""

    id = identifier("The job.")
    subreddit_id = identifier("The subreddit.")
    subreddit = fields.String(required=True, metadata=described("The subreddit's name."))
    status = fields.String(
        required=True, validate=known(job.JobStatus), metadata=described("The state.")
    )
    wait_reason = fields.String(
        required=True,
        allow_none=True,
        validate=known(job.WaitReason),
        metadata=described("Why a waiting job is not queued yet."),
    )
    priority = fields.Integer(
        required=True,
        metadata=described("The current priority: the base, raised while the job waits."),
    )
    base_priority = fields.Integer(required=True, metadata=described("The requested priority."))
    priority_ceiling = fields.Integer(
        required=True, metadata=described("The highest priority that aging can reach.")
    )
    source = fields.String(
        required=True,
        validate=known(job.JobSource),
        metadata=described("The origin of the job."),
    )
    scheduled_job_id = identifier(
        "The schedule that enqueued the job; null without one, or if it was deleted.",
        nullable=True,
    )
    depth = fields.Integer(
        required=True,
        metadata=described("Discovery steps from a subreddit that a person or schedule enqueued."),
    )
    visible_at = Timestamp(
        attribute="not_before",
        required=True,
        allow_none=True,
        metadata=described(
            "No claim before this time. For a waiting job, the end of the wait; null while it is "
            "unknown, such as during a pause without an end."
        ),
    )
    queued_at = Timestamp(required=True, metadata=described("The start of the waiting time."))
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
    retry_count = fields.Integer(
        required=True,
        metadata=described(
            "Failed attempts since the last retry by an operator. The job fails when the number "
            "exceeds `max_retries`."
        ),
    )
    retries = fields.Integer(
        required=True,
        metadata=described("All failed attempts; a retry by an operator does not reset them."),
    )
    max_retries = fields.Integer(required=True)
    next_retry_at = Timestamp(
        required=True, allow_none=True, metadata=described("When the next retry starts.")
    )
    claimed_by = fields.String(
        required=True, allow_none=True, metadata=described("The worker that crawls the job.")
    )
    claimed_at = Timestamp(required=True, allow_none=True)
    lease_expires_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described(
            "When the claim expires and another worker may take the job, unless it is extended."
        ),
    )
    progress_at = Timestamp(
        required=True, allow_none=True, metadata=described("When the crawl last stored a page.")
    )
    duration_seconds = Seconds(
        required=True,
        allow_none=True,
        metadata=described(
            "The time that workers held the job, without waits: the sum of the claims that have "
            "ended since the last retry by an operator. Null before the first of them ends."
        ),
    )
    rerun_requested = fields.Boolean(
        required=True,
        metadata=described("After the current crawl, a follow-up job crawls the subreddit again."),
    )
    follow_up_job_id = identifier(
        "The follow-up job that was created when this job ended with a rerun request; else null. "
        "A crawl that is retried, or ends without access, serves the request itself.",
        nullable=True,
    )
    follow_up_of = identifier(
        "The job that had the rerun request, if this is a follow-up job; else null.",
        nullable=True,
    )
    incomplete = fields.Boolean(
        required=True,
        metadata=described("The crawl lacks parts that Reddit did not deliver."),
    )
    outcome = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "The result of a succeeded crawl: crawled, the reason why access is denied, or "
            "no_budget."
        ),
    )
    error_kind = fields.String(
        required=True,
        allow_none=True,
        validate=known(job.ErrorKind),
        metadata=described("The kind of the error in `error_message`."),
    )
    error_message = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "The error because of which the job failed or waits; null in other states. `attempts` "
            "of the job has the errors of all attempts."
        ),
    )
    checkpoint = Checkpoint(
        required=True,
        allow_none=True,
        metadata=described(
            "The position at which the next attempt continues; format internal. Without the scope "
            f"content, names of accounts are {HIDDEN}."
        ),
    )
    trace_id = TraceId(
        attribute="traceparent",
        required=True,
        allow_none=True,
        metadata=described("The trace id of the enqueue and the crawls, as in log lines."),
    )
    progress = ProgressOfJob(required=True)


class JobListSchema(ma.Schema):
    items = fields.List(fields.Nested(JobSchema), required=True)
    next = next_cursor()
