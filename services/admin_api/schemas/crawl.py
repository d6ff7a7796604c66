"""Schemas of /api/crawl, which enqueues a crawl of one subreddit and shows the queue's state."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import described, subreddit
from admin_api.schemas.job import JobSchema


class CrawlSchema(ma.Schema):
    """A subreddit to crawl soon."""

    subreddit = subreddit(required=True)


class CrawlStatusParameters(ma.Schema):
    subreddit = subreddit(load_default=None)


class CrawlStatusSchema(ma.Schema):
    """The state of the whole queue, and the running jobs or the jobs of one subreddit."""

    paused = fields.Boolean(required=True, metadata=described("The whole queue is paused."))
    queued = fields.Integer(required=True, metadata=described("The number of claimable jobs."))
    waiting = fields.Integer(required=True, metadata=described("The number of waiting jobs."))
    crawling = fields.Integer(required=True, metadata=described("The number of running jobs."))
    jobs = fields.List(
        fields.Nested(JobSchema),
        required=True,
        metadata=described(
            "At most 100 running jobs with their progress; with `subreddit`, the 10 newest jobs of "
            "that subreddit instead."
        ),
    )
