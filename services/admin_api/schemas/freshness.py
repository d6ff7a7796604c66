"""Schemas of the freshness of subreddits."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import (
    PageParameters,
    Timestamp,
    described,
    identifier,
    next_cursor,
    truth,
)
from admin_api.schemas.known import Known, known
from admin_api.schemas.stats import Rounded
from admin_api.schemas.subreddit_filter import OnlyNameCharacters
from crawljobs.domain import job
from crawljobs.domain.freshness import Lateness
from crawljobs.domain.subreddit import AccessState

SORTS = ("name", "next_crawl_at", "last_crawled_at", "-last_crawled_at", "-lateness")
LATENESS = (
    "`fresh`: the next crawl is not due. The age of the last crawl, divided by the wanted "
    "interval, is up to 1.5 (`due`), up to 3 (`late`) or above (`very_late`). `never`: never "
    "crawled. `unplanned`: crawled, and a crawl runs only on request."
)


class FreshnessSchema(ma.Schema):
    """The number of subreddits in each class of lateness."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    by_lateness = fields.Dict(
        keys=fields.String(validate=known(Lateness)),
        values=fields.Integer(),
        required=True,
        metadata=described(LATENESS),
    )
    at_least = fields.List(
        fields.String(validate=known(Lateness)),
        required=True,
        metadata=described("Classes that may have more: 10,000 of each range are counted."),
    )


class FreshnessParameters(PageParameters):
    """The query parameters of the list of subreddits by freshness."""

    sort = fields.String(
        load_default="name",
        validate=Known("FreshnessSort", SORTS),
        metadata=described(
            "`name`; `next_crawl_at` (due for longest first; only planned subreddits); "
            "`last_crawled_at` or `-last_crawled_at` (only crawled ones); `-lateness`: one page of "
            "the 2,000 that have been due longest, the highest ratio first."
        ),
    )
    lateness = fields.String(
        load_default=None, validate=known(Lateness), metadata=described("Only this class.")
    )
    access = fields.String(
        load_default=None,
        validate=known(AccessState),
        metadata=described("Only subreddits with this access state."),
    )
    name_contains = fields.String(
        load_default=None,
        validate=[validate.Length(min=1, max=24), OnlyNameCharacters()],
        metadata=described(
            "Only subreddits whose name contains this text; case does not matter.",
            pattern="^[A-Za-z0-9_.:-]+$",
        ),
    )
    incomplete = truth(
        load_default=None,
        metadata=described("true: only subreddits with missing parts; false: only the others."),
    )
    gap = truth(
        load_default=None,
        metadata=described("true: only subreddits with a gap; false: only the others."),
    )


class SubredditFreshnessSchema(ma.Schema):
    """The class of a subreddit, and the numbers from which the class follows."""

    lateness = fields.String(required=True, validate=known(Lateness), metadata=described(LATENESS))
    wanted_seconds = Rounded(
        required=True,
        allow_none=True,
        metadata=described("The wanted interval, from the last crawl to the next; null without."),
    )
    ratio = Rounded(
        required=True,
        allow_none=True,
        metadata=described("The age of the last crawl, divided by the wanted interval."),
    )


class LiveJobSchema(DirectDump):
    """The live job of a subreddit."""

    id = identifier("The job.")
    status = fields.String(required=True, validate=known(job.JobStatus))


class SubredditRowSchema(ma.Schema):
    """A subreddit in its short form."""

    id = identifier("The subreddit.")
    name = fields.String(required=True)
    access = fields.String(required=True, validate=known(AccessState))
    subscribers = fields.Integer(required=True, allow_none=True)
    over_18 = fields.Boolean(required=True, allow_none=True)
    last_crawled_at = Timestamp(required=True, allow_none=True)
    next_crawl_at = Timestamp(required=True, allow_none=True)
    freshness = fields.Nested(SubredditFreshnessSchema, required=True)
    gap_at = Timestamp(required=True, allow_none=True)
    gaps = fields.Integer(required=True)
    missing_parts = fields.Integer(
        required=True, metadata=described("As the last crawl counted them.")
    )
    items_per_day = Rounded(
        required=True,
        allow_none=True,
        metadata=described("The items of the last crawl, by the time since the crawl before it."),
    )
    items_per_request = Rounded(
        required=True,
        allow_none=True,
        metadata=described("The items that the last crawl read, by its requests."),
    )
    live_job = fields.Nested(LiveJobSchema, required=True, allow_none=True)


class SubredditRowListSchema(ma.Schema):
    items = fields.List(fields.Nested(SubredditRowSchema), required=True)
    next = next_cursor()
