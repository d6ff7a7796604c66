"""The crawl shortcut."""

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
    """What is going on: in the whole queue, or of one subreddit."""

    paused = fields.Boolean(required=True, metadata=described("Nothing is claimed at all."))
    queued = fields.Integer(required=True, metadata=described("Jobs that can be claimed now."))
    waiting = fields.Integer(required=True, metadata=described("Jobs that wait for something."))
    crawling = fields.Integer(required=True, metadata=described("Jobs being crawled."))
    jobs = fields.List(
        fields.Nested(JobSchema),
        required=True,
        metadata=described(
            "Those being crawled, with their progress, at most 100; with `subreddit`, its 10 "
            "newest jobs instead."
        ),
    )
