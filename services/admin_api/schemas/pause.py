"""Schemas of pauses of the queue."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, subreddit
from admin_api.schemas.reason import reason


class PauseBodySchema(ma.Schema):
    """A pause of the whole queue, or of one subreddit."""

    subreddit = subreddit(load_default=None)
    reason = reason(
        required=True,
        metadata=described(
            "The reason, shown to other operators.", example="Reddit asked us to slow down"
        ),
    )
    until = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described("The end of the pause; absent or null: until it is resumed."),
    )


class ResumeBodySchema(ma.Schema):
    """Selects the pause to end: the pause of the whole queue or of one subreddit."""

    subreddit = subreddit(load_default=None)


class PauseSchema(ma.Schema):
    """A pause, during which no crawl starts."""

    subreddit = fields.String(
        required=True, allow_none=True, metadata=described("Null for the whole queue.")
    )
    reason = fields.String(required=True)
    until = Timestamp(
        required=True, allow_none=True, metadata=described("The end; null: until it is resumed.")
    )
    paused_by = fields.String(required=True)
    paused_at = Timestamp(required=True)


class PauseListSchema(ma.Schema):
    items = fields.List(
        fields.Nested(PauseSchema),
        required=True,
        metadata=described("At most 500 pauses; the pause of the whole queue comes first."),
    )
