"""Schemas of the page of one subreddit."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.freshness import LiveJobSchema, SubredditFreshnessSchema
from admin_api.schemas.known import known
from admin_api.schemas.map import CommunitySchema
from admin_api.schemas.pause import PauseSchema
from admin_api.schemas.stats import Rounded
from admin_api.schemas.subreddit import SubredditDetailSchema
from crawljobs.domain import job


class RecentCrawlSchema(DirectDump):
    """A finished job of the subreddit."""

    id = identifier("The job.")
    status = fields.String(required=True, validate=known(job.JobStatus))
    source = fields.String(required=True, validate=known(job.JobSource))
    outcome = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    finished_at = Timestamp(required=True)
    duration_seconds = Rounded(required=True, allow_none=True)
    incomplete = fields.Boolean(required=True)
    error_kind = fields.String(required=True, allow_none=True, validate=known(job.ErrorKind))
    requests = fields.Integer(required=True)
    items = fields.Integer(
        required=True, metadata=described("The posts and comments that the crawl read.")
    )


class DayOfItemsSchema(ma.Schema):
    """The stored items of one day."""

    day = fields.Date(required=True, metadata=described("In UTC."))
    posts = fields.Integer(required=True)
    comments = fields.Integer(required=True)


class NeighbourSchema(DirectDump):
    """A subreddit with authors in common."""

    id = identifier("The subreddit.")
    name = fields.String(required=True)
    shared_authors = fields.Integer(required=True)
    weight = fields.Float(required=True)


class SubredditOverviewSchema(SubredditDetailSchema):
    """A subreddit with its freshness, its last crawls and its neighbours."""

    class Meta:
        exclude = ("jobs", "crawled_seconds_ago")

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    version = fields.Integer(
        required=True, metadata=described("Send it in quotes as If-Match when you change it.")
    )
    freshness = fields.Nested(SubredditFreshnessSchema, required=True)
    live_job = fields.Nested(LiveJobSchema, required=True, allow_none=True)
    pause = fields.Nested(
        PauseSchema,
        required=True,
        allow_none=True,
        metadata=described("The pause of the subreddit, not that of the whole queue."),
    )
    items_per_day = Rounded(
        required=True,
        metadata=described("New posts or new comments a day, the larger number of both."),
    )
    items_per_request = Rounded(
        required=True,
        allow_none=True,
        metadata=described("The items that the shown crawls read, by their requests."),
    )
    items_by_day = fields.List(
        fields.Nested(DayOfItemsSchema),
        required=True,
        metadata=described(
            "The items of the last 14 days by the day of their creation. The newest 5,000 posts "
            "and the newest 5,000 comments are counted."
        ),
    )
    crawls = fields.List(
        fields.Nested(RecentCrawlSchema),
        required=True,
        metadata=described("The newest 20 finished jobs, the newest first."),
    )
    neighbours = fields.List(
        fields.Nested(NeighbourSchema),
        required=True,
        metadata=described("At most 20 subreddits of the map, the strongest link first."),
    )
    community = fields.Nested(CommunitySchema, required=True, allow_none=True)
