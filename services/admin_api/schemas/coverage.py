"""What is missing of a subreddit, as the API shows it."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.missing_part import PartKind, PartReason


class MissingPartSchema(ma.Schema):
    """A part that Reddit did not answer for."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf([kind.value for kind in PartKind]),
        metadata=described("What was asked for."),
    )
    item = fields.String(
        required=True,
        metadata=described(
            "A post's id (tree, more_children, thread), an account's name (history), or the cursor "
            "of a page (posts, comments); may be empty."
        ),
    )
    reason = fields.String(
        required=True,
        validate=validate.OneOf([reason.value for reason in PartReason]),
        metadata=described("Why it was given up."),
    )
    message = fields.String(required=True, metadata=described("The last failure."))
    failures = fields.Integer(required=True, metadata=described("Crawls that gave it up in a row."))
    next_look_at = Timestamp(required=True, metadata=described("When it is asked for again."))


class StoredPartSchema(MissingPartSchema):
    """A missing part of a subreddit."""

    first_at = Timestamp(required=True, metadata=described("When it was given up first."))
    last_at = Timestamp(required=True, metadata=described("When it was given up last."))


class GapSchema(ma.Schema):
    """Items of a listing that no crawl has seen, between two that were."""

    listing = fields.String(
        required=True, validate=validate.OneOf([name.value for name in ListingName])
    )
    from_item = fields.String(required=True, metadata=described("The id at the older end."))
    from_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When that was written; null: it is not stored."),
    )
    to_item = fields.String(required=True, metadata=described("The id at the newer end."))
    to_at = Timestamp(required=True)
    found_at = Timestamp(required=True)
