"""Schemas of a request to crawl one subreddit, and of its result."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    INT8_MAX,
    Timestamp,
    Whole,
    described,
    max_retries,
    priority,
    subreddit,
)
from admin_api.schemas.job import JobSchema
from admin_api.schemas.known import known
from crawljobs.domain import job
from crawljobs.domain.group_plan import WAITS_MAX


class EnqueueSchema(ma.Schema):
    """A subreddit to crawl."""

    subreddit = subreddit(required=True)
    priority = priority(default=60)
    max_retries = max_retries()
    visible_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("The earliest start of the crawl; absent or null: now."),
    )
    after = fields.List(
        Whole(validate=validate.Range(min=1, max=INT8_MAX), metadata={"format": "int64"}),
        load_default=list,
        validate=validate.Length(max=WAITS_MAX),
        metadata=described(
            "Jobs that must succeed before this crawl starts. If the list has a job, the "
            "response is the step of a group without a name."
        ),
    )


class EnqueuedSchema(ma.Schema):
    """The result of an enqueue request, and the job that serves the request."""

    result = fields.String(
        required=True,
        validate=known(job.EnqueueResult),
        metadata=described(
            "`created`: a new job. `merged`: the live job of the subreddit also serves this "
            "request. `rerun_requested`: the job is being crawled; when "
            "the crawl ends, the follow-up job in its `follow_up_job_id` serves this request."
        ),
    )
    job = fields.Nested(JobSchema, required=True)
