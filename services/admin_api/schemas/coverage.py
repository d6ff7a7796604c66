"""Schemas of a subreddit's missing parts and gaps."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.account_names import HIDDEN, PartItem
from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.known import known
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind, PartReason


class MissingPartSchema(ma.Schema):
    """A part that a crawl gave up, for example because Reddit refused the request."""

    kind = fields.String(
        required=True,
        validate=known(PartKind),
        metadata=described("The kind of the part."),
    )
    item = PartItem(
        required=True,
        metadata=described(
            "The id of a post (tree, more_children, thread), the name of an account (history), or "
            "the cursor of a page (posts, comments); may be empty. Without the scope content, "
            f"names of accounts are {HIDDEN}."
        ),
    )
    reason = fields.String(
        required=True,
        validate=known(PartReason),
        metadata=described("Why the crawl gave up the part."),
    )
    message = fields.String(required=True, metadata=described("The last failure."))
    failures = fields.Integer(
        required=True,
        metadata=described(
            "Consecutive crawls that gave up the part; for a page of a listing, any of its pages."
        ),
    )
    next_look_at = Timestamp(
        required=True,
        metadata=described(
            "When a crawl is due for this part. A crawl before that time requests the part only "
            "when `failures` is 1. No crawl is enqueued for the reason `allowance`: the next crawl "
            "requests the part."
        ),
    )


class StoredPartSchema(MissingPartSchema):
    """A missing part of a subreddit, with the times of its failures."""

    first_at = Timestamp(
        required=True, metadata=described("When the first of these crawls gave it up.")
    )
    last_at = Timestamp(
        required=True, metadata=described("When the last of these crawls gave it up.")
    )


class GapSchema(ma.Schema):
    """A range of a listing, between two stored items, that no crawl has fetched."""

    listing = fields.String(required=True, validate=known(ListingName))
    from_item = fields.String(required=True, metadata=described("The item at the older end."))
    from_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When that item was created; null if it is not stored."),
    )
    to_item = fields.String(required=True, metadata=described("The item at the newer end."))
    to_at = Timestamp(required=True)
    found_at = Timestamp(required=True)
