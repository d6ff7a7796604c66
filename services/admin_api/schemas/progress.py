"""How far a crawl has come, as the API shows it."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described


class ProgressSchema(ma.Schema):
    """How far the crawl has come; all but the forecast only grows while it runs."""

    phase = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "about, posts, comments, trees, authors, discovery or done; null before it began."
        ),
    )
    page = fields.Integer(required=True, metadata=described("The page of this phase."))
    posts = fields.Integer(required=True, metadata=described("Posts stored."))
    comments = fields.Integer(required=True, metadata=described("Comments stored."))
    authors = fields.Integer(required=True, metadata=described("Authors stored."))
    requests = fields.Integer(required=True, metadata=described("Requests sent to Reddit."))
    done = fields.Integer(required=True, metadata=described("Of `total`: the requests sent."))
    total = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("Requests that the whole crawl will take, as far as can be told."),
    )
    waiting_until = Timestamp(
        required=True, allow_none=True, metadata=described("When a waiting job goes on.")
    )
    eta = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When the crawl may be over, at the pace it had so far."),
    )
    gap = fields.Boolean(
        required=True,
        metadata=described("More was new than Reddit shows: something in between is missing."),
    )
    missing_parts = fields.Integer(
        required=True, metadata=described("Parts that Reddit did not answer for.")
    )
