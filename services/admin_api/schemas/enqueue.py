"""Schemas of a request to crawl one subreddit, and of its result."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, max_retries, priority, subreddit
from admin_api.schemas.job import JobSchema
from admin_api.schemas.known import known
from crawljobs.domain import job


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
