"""Schemas of the short lists in the overview."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.known import known
from crawljobs.domain import job


class RunningCrawlSchema(ma.Schema):
    """A running crawl with its progress."""

    job_id = identifier("The job.")
    subreddit = fields.String(required=True)
    worker = fields.String(required=True)
    claimed_at = Timestamp(required=True)
    phase = fields.String(
        required=True, allow_none=True, metadata=described("Null before the first page.")
    )
    done = fields.Integer(required=True, metadata=described("Requests sent to Reddit."))
    total = fields.Integer(
        required=True, allow_none=True, metadata=described("Expected requests; null if unknown.")
    )
    eta = Timestamp(
        required=True, allow_none=True, metadata=described("The expected end; null if unknown.")
    )


class FailedJobSchema(ma.Schema):
    """A failed job."""

    job_id = identifier("The job.")
    subreddit = fields.String(required=True)
    finished_at = Timestamp(required=True)
    error_kind = fields.String(required=True, allow_none=True, validate=known(job.ErrorKind))
    error_message = fields.String(
        required=True, allow_none=True, metadata=described("At most 200 characters.")
    )


class NextScheduleSchema(ma.Schema):
    """A schedule with its next due time."""

    id = identifier("The schedule.")
    name = fields.String(required=True)
    subreddit = fields.String(
        required=True, allow_none=True, metadata=described("Null for a schedule with steps.")
    )
    next_run_at = Timestamp(required=True)
