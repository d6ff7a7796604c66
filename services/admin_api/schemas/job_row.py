"""The short form of a job, for tables of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor
from admin_api.schemas.known import known
from crawljobs.domain import job, job_progress

ERROR_MAX_CHARACTERS = 120


class ErrorStart(fields.String):
    """The beginning of an error message."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else str(value)[:ERROR_MAX_CHARACTERS]


class RowProgressSchema(DirectDump):
    """The progress of a crawl in requests to Reddit."""

    phase = fields.String(
        required=True, allow_none=True, metadata=described("Null before the first page.")
    )
    done = fields.Integer(required=True)
    total = fields.Integer(
        required=True, allow_none=True, metadata=described("An estimate; null if unknown.")
    )
    eta = Timestamp(
        required=True, allow_none=True, metadata=described("An estimate; null if unknown.")
    )


class RowProgress(fields.Nested):
    """A field with the progress, which is computed from the whole job."""

    def __init__(self, **options: Any) -> None:
        super().__init__(RowProgressSchema, **options)

    def get_value(self, obj: Any, *_: Any, **__: Any) -> job_progress.Progress:
        return job_progress.of_job(obj)


@dataclass(frozen=True)
class JobRow(job.Job):
    """A job with the condition that delays it most, and the cause of its wait in words."""

    obstacle: str | None
    waits_for: str | None


class JobRowSchema(DirectDump):
    """A job in its short form. `GET /api/admin/jobs/{job_id}` shows the other fields."""

    id = identifier("The job.")
    subreddit = fields.String(required=True)
    status = fields.String(required=True, validate=known(job.JobStatus))
    wait_reason = fields.String(required=True, allow_none=True, validate=known(job.WaitReason))
    priority = fields.Integer(required=True)
    source = fields.String(required=True, validate=known(job.JobSource))
    created_at = Timestamp(required=True)
    visible_at = Timestamp(attribute="not_before", required=True, allow_none=True)
    finished_at = Timestamp(required=True, allow_none=True)
    claimed_by = fields.String(required=True, allow_none=True)
    retry_count = fields.Integer(required=True)
    incomplete = fields.Boolean(required=True)
    outcome = fields.String(required=True, allow_none=True)
    error_kind = fields.String(required=True, allow_none=True, validate=known(job.ErrorKind))
    error = ErrorStart(
        attribute="error_message",
        required=True,
        allow_none=True,
        metadata=described(f"The first {ERROR_MAX_CHARACTERS} characters of the error."),
    )
    progress = RowProgress(required=True)
    obstacle = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "The name of the condition that delays the claim most, as in `explain`; null without "
            "one. `explain` has its remedy."
        ),
    )
    waits_for = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The cause of the wait in words; null if the job does not wait."),
    )


class JobRowListSchema(ma.Schema):
    items = fields.List(fields.Nested(JobRowSchema), required=True)
    next = next_cursor()
