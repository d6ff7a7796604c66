"""Subreddits as the API shows them."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.coverage import GapSchema, StoredPartSchema
from admin_api.schemas.fields import (
    PageParameters,
    Timestamp,
    described,
    identifier,
    max_retries,
    next_cursor,
    priority,
    truth,
)
from admin_api.schemas.job import JobSchema
from crawljobs.domain.coverage import WalkEnd
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content.stored_subreddits import (
    CRAWL_GAP_MAX_SECONDS,
    REQUEST_GAP_MAX_SECONDS,
)

ACCESS_STATES = [state.value for state in AccessState]

_REQUEST_GAP = "Seconds between two requests about it; null: as the workers' settings say."
_CRAWL_GAP = "Seconds between two crawls of it; null: none."


class OnlyNameCharacters(validate.Validator):
    """Not validate.Regexp: its pattern would stand in the document, in Python's dialect."""

    def __call__(self, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", value):
            raise ma.ValidationError("no name has such characters in it")
        return value


class SubredditParameters(PageParameters):
    access = fields.String(
        load_default=None,
        validate=validate.OneOf(ACCESS_STATES),
        metadata=described("Only subreddits that Reddit shows us like this."),
    )
    name_contains = fields.String(
        load_default=None,
        validate=[validate.Length(min=1, max=24), OnlyNameCharacters()],
        metadata=described(
            "Only subreddits whose name has this in it, whatever its case.",
            pattern="^[A-Za-z0-9_.:-]+$",
        ),
    )
    incomplete = truth(
        load_default=None,
        metadata=described("Only subreddits of which parts are missing (true), or the others."),
    )
    crawled_before = Timestamp(
        load_default=None,
        metadata=described("Only subreddits last crawled before this time, or never."),
    )


class SubredditSchema(ma.Schema):
    """A subreddit, and how fresh what we know of it is."""

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
        validate=validate.OneOf(ACCESS_STATES),
        metadata=described("What Reddit lets us see of it; `unknown` before the first look."),
    )
    access_checked_at = Timestamp(required=True, allow_none=True)
    access_unconfirmed = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(ACCESS_STATES),
        metadata=described(
            "Another state that Reddit showed since. A subreddit that was crawled before takes it "
            "over at the third equal look, each at least 8 hours after the one before."
        ),
    )
    access_unconfirmed_looks = fields.Integer(
        required=True, metadata=described("The looks that count for it, 0 to 2.")
    )
    discovered_from = identifier("The subreddit that led to it.", nullable=True)
    depth = fields.Integer(
        required=True, metadata=described("Steps of discovery from what somebody asked for.")
    )
    first_seen_at = Timestamp(required=True)
    last_crawled_at = Timestamp(
        required=True, allow_none=True, metadata=described("When a crawl of it last succeeded.")
    )
    crawled_seconds_ago = fields.Float(required=True, allow_none=True)
    next_crawl_at = Timestamp(
        required=True, allow_none=True, metadata=described("Worth another look then.")
    )
    gap_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The last crawl that could not go back as far as the one before."),
    )
    incomplete = fields.Boolean(
        required=True, metadata=described("Parts are missing that Reddit did not answer for.")
    )
    missing_parts = fields.Integer(required=True, metadata=described("How many parts."))
    gaps = fields.Integer(
        required=True, metadata=described("Ranges of listings that no crawl has seen.")
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
        metadata=described("The same of the newest comments; trees reach further back."),
    )
    oldest_comment_at = Timestamp(required=True, allow_none=True)
    posts_walk_end = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([end.value for end in WalkEnd]),
        metadata=described(
            "Why the last walk of the whole listing ended: `first_item` (nothing is older), `cap` "
            "(Reddit shows no more) or `limit` (MAX_POSTS_PER_SUB)."
        ),
    )
    known_to_first_post = fields.Boolean(
        required=True,
        metadata=described("Every post that Reddit lists is stored, back to the first one."),
    )
    whole_walk_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When the whole listing was walked last; WALK_WHOLE_EVERY."),
    )
    trees_whole = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("Of the newest 1,000 posts: trees of which no comment is missing."),
    )
    trees_not_whole = fields.Integer(
        required=True, allow_none=True, metadata=described("The others of these.")
    )
    min_request_gap_seconds = fields.Float(
        required=True, allow_none=True, metadata=described(_REQUEST_GAP)
    )
    min_crawl_gap_seconds = fields.Float(
        required=True, allow_none=True, metadata=described(_CRAWL_GAP)
    )


class SubredditDetailSchema(SubredditSchema):
    """A subreddit, what is missing of it, whether it is paused, and how crawls of it ended."""

    missing = fields.List(
        fields.Nested(StoredPartSchema),
        required=True,
        metadata=described("The first 100 missing parts, the next to be looked at first."),
    )
    gap_ranges = fields.List(
        fields.Nested(GapSchema), required=True, metadata=described("The newest 100 gaps.")
    )

    paused = fields.Boolean(required=True, metadata=described("By itself, or with everything."))
    jobs = fields.List(
        fields.Nested(JobSchema), required=True, metadata=described("The newest 20, newest first.")
    )


class SubredditListSchema(ma.Schema):
    items = fields.List(fields.Nested(SubredditSchema), required=True)
    next = next_cursor()


class Gap(fields.Float):
    """A number; not a text or a truth value that looks like one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError("Not a valid number.")
        return super()._deserialize(value, attr, data, **options)


class PolitenessSchema(ma.Schema):
    """How politely to crawl it; what is left out stays."""

    min_request_gap_seconds = Gap(
        allow_none=True,
        validate=validate.Range(min=0, max=REQUEST_GAP_MAX_SECONDS),
        metadata=described(_REQUEST_GAP),
    )
    min_crawl_gap_seconds = Gap(
        allow_none=True,
        validate=validate.Range(min=0, max=CRAWL_GAP_MAX_SECONDS),
        metadata=described(_CRAWL_GAP),
    )


class EnqueueNowSchema(ma.Schema):
    """With which priority."""

    priority = priority(default=60)
    max_retries = max_retries()
