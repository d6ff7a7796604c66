"""Crawl jobs as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.resources import progress
from admin_api.schemas.attempt import AttemptSchema
from admin_api.schemas.audit import AuditEntrySchema
from admin_api.schemas.coverage import MissingPartSchema
from admin_api.schemas.fields import (
    Timestamp,
    described,
    identifier,
    max_retries,
    next_cursor,
    priority,
    rfc3339,
    subreddit,
)
from admin_api.schemas.progress import ProgressSchema
from crawljobs.domain import job

STATUSES = [status.value for status in job.JobStatus]
SUCCESS = "success"  # what filters also take for succeeded


class EnqueueSchema(ma.Schema):
    """A subreddit to crawl."""

    subreddit = subreddit(required=True)
    priority = priority(default=60)
    max_retries = max_retries()
    visible_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("Not to be crawled before this time; at once when absent."),
    )


class JobSchema(ma.Schema):
    """One request to crawl one subreddit."""

    id = identifier("The job.")
    subreddit_id = identifier("The subreddit.")
    subreddit = fields.String(required=True, metadata=described("The subreddit's name."))
    status = fields.String(
        required=True, validate=validate.OneOf(STATUSES), metadata=described("Its state.")
    )
    wait_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([reason.value for reason in job.WaitReason]),
        metadata=described("Why a waiting job is not queued yet."),
    )
    priority = fields.Integer(
        required=True, metadata=described("Effective now: the base, grown with the waiting time.")
    )
    base_priority = fields.Integer(required=True, metadata=described("As asked for."))
    priority_ceiling = fields.Integer(required=True, metadata=described("How high it may grow."))
    source = fields.String(
        required=True,
        validate=validate.OneOf([source.value for source in job.JobSource]),
        metadata=described("Who asked for it."),
    )
    scheduled_job_id = identifier(
        "The schedule that enqueued it; null when that was deleted.", nullable=True
    )
    depth = fields.Integer(
        required=True, metadata=described("Steps of discovery from what somebody asked for.")
    )
    visible_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described(
            "Not claimed before; of a waiting job the end of what it waits for, as far as that is "
            "known: null while a pause has no end."
        ),
    )
    queued_at = Timestamp(required=True, metadata=described("Waiting counts from here."))
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
    retry_count = fields.Integer(
        required=True,
        metadata=described(
            "Failed attempts since an operator's last retry; beyond `max_retries` it fails."
        ),
    )
    retries = fields.Integer(
        required=True,
        metadata=described("Failed attempts in all; unlike `retry_count` never set back."),
    )
    max_retries = fields.Integer(required=True)
    next_retry_at = Timestamp(
        required=True, allow_none=True, metadata=described("When a failed attempt is repeated.")
    )
    claimed_by = fields.String(
        required=True, allow_none=True, metadata=described("The worker that crawls it.")
    )
    claimed_at = Timestamp(required=True, allow_none=True)
    lease_expires_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When the worker counts as dead unless it extends its claim."),
    )
    progress_at = Timestamp(
        required=True, allow_none=True, metadata=described("When it last stored a page.")
    )
    rerun_requested = fields.Boolean(
        required=True, metadata=described("Asked for again while it was crawling.")
    )
    incomplete = fields.Boolean(
        required=True,
        metadata=described("The crawl went on without parts that Reddit did not answer for."),
    )
    outcome = fields.String(
        required=True,
        allow_none=True,
        metadata=described("Of a succeeded crawl: crawled, what barred the way, or no_budget."),
    )
    error_kind = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([kind.value for kind in job.ErrorKind]),
    )
    error_message = fields.String(
        required=True, allow_none=True, metadata=described("Of the last failed attempt.")
    )
    checkpoint = fields.Dict(
        required=True,
        allow_none=True,
        metadata=described("Where the next attempt goes on. Its shape is the worker's own."),
    )
    trace_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The trace of its enqueue and crawls, as log lines have it."),
    )
    progress = fields.Nested(ProgressSchema, required=True)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Straight from the job: marshmallow's own way takes thrice as long, and lists are long."""
        return [shown(one) for one in obj] if many or self.many else shown(obj)


# A job's own fields that are shown as they are.
_PLAIN = tuple(name for name in JobSchema().fields if name in job.Job.__dataclass_fields__)


def shown(one: job.Job) -> dict[str, Any]:
    """The job as JSON has it, with all that JobSchema describes."""
    plain = {name: _as_json(getattr(one, name)) for name in _PLAIN}
    plain["visible_at"] = _as_json(one.not_before)
    trace_id = one.traceparent and one.traceparent.split("-")[1]
    how_far = {name: _as_json(value) for name, value in vars(progress.of_job(one)).items()}
    return {**plain, "trace_id": trace_id, "progress": how_far}


def _as_json(value: Any) -> Any:
    return rfc3339(value) if isinstance(value, datetime) else value


# Made once: to make a schema takes longer than to dump by it.
_ATTEMPTS = AttemptSchema(many=True)
_ENTRIES = AuditEntrySchema(many=True)
_MISSING = MissingPartSchema(many=True)


class JobDetailSchema(JobSchema):
    """A job, what is missing, the attempts that ended and what operators did to it."""

    missing = fields.List(
        fields.Nested(MissingPartSchema),
        required=True,
        metadata=described("The first 50 parts that its crawl gave up."),
    )

    attempts = fields.List(
        fields.Nested(AttemptSchema), required=True, metadata=described("The last 100.")
    )
    audit_log = fields.List(
        fields.Nested(AuditEntrySchema),
        required=True,
        metadata=described(
            "The last 50 changes. Where they came from is null without the scope audit."
        ),
    )

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        return {
            **shown(obj["job"]),
            "missing": _MISSING.dump(progress.missing_of_job(obj["job"])),
            "attempts": _ATTEMPTS.dump(obj["attempts"]),
            "audit_log": _ENTRIES.dump(obj["audit_log"]),
        }


class JobListSchema(ma.Schema):
    items = fields.List(fields.Nested(JobSchema), required=True)
    next = next_cursor()


class EnqueuedSchema(ma.Schema):
    """What became of the request, and the job that serves it."""

    result = fields.String(
        required=True,
        validate=validate.OneOf([result.value for result in job.EnqueueResult]),
        metadata=described(
            "`created`: a new job. `merged`: the subreddit's live job serves it too. "
            "`rerun_requested`: it is being crawled now and is crawled once more afterwards."
        ),
    )
    job = fields.Nested(JobSchema, required=True)
