"""Schemas of the map of subreddits."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import NAME_PATTERN, SubredditName, Timestamp, described, identifier
from admin_api.schemas.known import known
from crawljobs.domain.map_links import SHARED_MIN
from crawljobs.domain.subreddit import AccessState

LINKS_MAX = 1_500


class MapParameters(ma.Schema):
    around = SubredditName(
        load_default=None,
        metadata=described(
            "Only the links among this subreddit and its 50 strongest neighbours. Without it, the "
            "strongest links of the whole map.",
            example="python",
            pattern=NAME_PATTERN,
        ),
    )
    min_shared = fields.Integer(
        load_default=SHARED_MIN,
        validate=validate.Range(min=1, max=1_000_000),
        metadata=described("Only links with at least this number of shared authors."),
    )
    limit = fields.Integer(
        load_default=500,
        validate=validate.Range(min=1, max=LINKS_MAX),
        metadata=described("The maximum number of links, the strongest first."),
    )


class CommunitySchema(ma.Schema):
    """A community: subreddits with many links. It is named after its largest member."""

    id = identifier("The subreddit that names the community.")
    name = fields.String(required=True)


class MapNodeSchema(ma.Schema):
    """A subreddit of the map."""

    id = identifier("The subreddit.")
    name = fields.String(required=True)
    title = fields.String(required=True, allow_none=True)
    subscribers = fields.Integer(required=True, allow_none=True)
    over_18 = fields.Boolean(required=True, allow_none=True)
    access = fields.String(required=True, validate=known(AccessState))
    last_crawled_at = Timestamp(required=True, allow_none=True)
    next_crawl_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described(
            "With `last_crawled_at`, the freshness: the age by the interval between both."
        ),
    )
    authors = fields.Integer(
        required=True,
        attribute="author_count",
        metadata=described("The number of known authors; 0 before the first count."),
    )
    community = fields.Nested(
        CommunitySchema,
        required=True,
        allow_none=True,
        metadata=described("Null for a subreddit without a community."),
    )


class MapLinkSchema(ma.Schema):
    """A link between two subreddits that have authors in common."""

    a = identifier("A subreddit of `nodes`.")
    b = identifier("The other subreddit.")
    shared_authors = fields.Integer(
        required=True,
        metadata=described("An estimate if both subreddits have more than 5,000 authors."),
    )
    weight = fields.Float(
        required=True,
        metadata=described(
            "`shared_authors` divided by the square root of the product of the two numbers of "
            "authors; at most 1."
        ),
    )


class MapSchema(ma.Schema):
    """A part of the map."""

    nodes = fields.List(fields.Nested(MapNodeSchema), required=True)
    links = fields.List(fields.Nested(MapLinkSchema), required=True)
    has_more = fields.Boolean(
        required=True, metadata=described("More links fulfil the filter than `limit`.")
    )
    due = fields.Integer(
        required=True,
        metadata=described(
            "The number of crawled subreddits whose links are computed soon; at most 1,000."
        ),
    )
    links_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When links were last computed; null: never."),
    )
    communities_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When communities were last computed; null: never."),
    )
