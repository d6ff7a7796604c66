"""Schemas of subreddits."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.coverage import GapSchema, StoredPartSchema
from admin_api.schemas.fields import (
    Timestamp,
    described,
    identifier,
    next_cursor,
)
from admin_api.schemas.job import JobSchema
from admin_api.schemas.known import known
from admin_api.schemas.subreddit_change import CRAWL_GAP, REQUEST_GAP
from crawljobs.domain.coverage import WalkEnd
from crawljobs.domain.subreddit import AccessState


class SubredditSchema(ma.Schema):
    """A subreddit, and the freshness and completeness of its stored data."""

    id = identifier("The subreddit.")
    name = fields.String(required=True)
    reddit_id = fields.String(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    description = fields.String(required=True, allow_none=True)
    subscribers = fields.Integer(required=True, allow_none=True)
    over_18 = fields.Boolean(required=True, allow_none=True)
    created_at_reddit = Timestamp(required=True, allow_none=True)
    access = fields.String(
        required=True,
        validate=known(AccessState),
        metadata=described("The access that Reddit allows; `unknown` before the first check."),
    )
    access_checked_at = Timestamp(required=True, allow_none=True)
    access_unconfirmed = fields.String(
        required=True,
        allow_none=True,
        validate=known(AccessState),
        metadata=described(
            "A different state that Reddit showed since. For a subreddit that was crawled before, "
            "`access` changes after three checks with this state, at least 8 hours apart."
        ),
    )
    access_unconfirmed_looks = fields.Integer(
        required=True,
        metadata=described("The number of checks that showed that other state, 0 to 2."),
    )
    discovered_from = identifier("The subreddit that led to it.", nullable=True)
    depth = fields.Integer(
        required=True,
        metadata=described("Discovery steps from a subreddit that a person or schedule enqueued."),
    )
    first_seen_at = Timestamp(required=True)
    last_crawled_at = Timestamp(
        required=True, allow_none=True, metadata=described("When a crawl last succeeded.")
    )
    crawled_seconds_ago = fields.Float(required=True, allow_none=True)
    next_crawl_at = Timestamp(
        required=True, allow_none=True, metadata=described("When new items are expected.")
    )
    gap_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The last crawl that could not reach the items of the previous crawl."),
    )
    incomplete = fields.Boolean(
        required=True, metadata=described("Parts are missing that Reddit did not deliver.")
    )
    missing_parts = fields.Integer(
        required=True,
        metadata=described(
            "The present number of missing parts, at most 500; `missing` has the first 100 of them."
        ),
    )
    gaps = fields.Integer(
        required=True, metadata=described("The number of listing ranges that no crawl has fetched.")
    )
    oldest_post = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The id of the oldest post that a walk of the listing has reached."),
    )
    oldest_post_at = Timestamp(required=True, allow_none=True)
    oldest_comment = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "The id of the oldest comment that a walk of the comment listing has reached; comment "
            "trees hold older comments."
        ),
    )
    oldest_comment_at = Timestamp(required=True, allow_none=True)
    posts_walk_end = fields.String(
        required=True,
        allow_none=True,
        validate=known(WalkEnd),
        metadata=described(
            "Why the last walk of the whole listing ended: `first_item` (no older post exists), "
            "`cap` (Reddit lists no more posts) or `limit` (MAX_POSTS_PER_SUB). Other walks do not "
            "change this field: `mark` (the walk met posts of the last crawl), `lost` (Reddit left "
            "out posts that exist) and `loop` (Reddit repeated its pages)."
        ),
    )
    known_to_first_post = fields.Boolean(
        required=True,
        metadata=described("Every listed post is stored, back to the first post."),
    )
    whole_walk_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The last walk of the whole listing (setting WALK_WHOLE_EVERY)."),
    )
    trees_whole = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described(
            "Posts of the newest 1,000 whose comment trees are complete. The table `posts` has the "
            "numbers of each post."
        ),
    )
    trees_not_whole = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("Posts of the newest 1,000 with incomplete comment trees."),
    )
    min_request_gap_seconds = fields.Float(
        required=True, allow_none=True, metadata=described(REQUEST_GAP)
    )
    min_crawl_gap_seconds = fields.Float(
        required=True, allow_none=True, metadata=described(CRAWL_GAP)
    )


class SubredditDetailSchema(SubredditSchema):
    """A subreddit with its missing parts, its gaps, its pause and its newest jobs."""

    missing = fields.List(
        fields.Nested(StoredPartSchema),
        required=True,
        metadata=described("The first 100 missing parts, by the time of their next check."),
    )
    gap_ranges = fields.List(
        fields.Nested(GapSchema), required=True, metadata=described("The newest 100 gaps.")
    )

    paused = fields.Boolean(
        required=True, metadata=described("The subreddit or the whole queue is paused.")
    )
    jobs = fields.List(
        fields.Nested(JobSchema),
        required=True,
        metadata=described("The newest 20 jobs, newest first."),
    )


class SubredditListSchema(ma.Schema):
    items = fields.List(fields.Nested(SubredditSchema), required=True)
    next = next_cursor()
