"""Schemas of the filter of an endpoint of webhooks."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import INT8_MAX, Whole, described, identifier, subreddit
from admin_api.schemas.known import known
from crawljobs.domain.job import JobSource


class WebhookFilterBodySchema(ma.Schema):
    """The endpoint gets only events that have each of these values. Null: any value."""

    group_id = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=INT8_MAX),
        metadata=described(
            "Only events of this group, and of jobs that its steps follow.", format="int64"
        ),
    )
    source = fields.String(
        load_default=None,
        allow_none=True,
        validate=known(JobSource),
        metadata=described("Only events of jobs from this source."),
    )
    subreddit = subreddit(load_default=None, allow_none=True)


class WebhookFilterSchema(ma.Schema):
    """The endpoint gets only events that have each of these values. Null: any value."""

    group_id = identifier("A group, also of the jobs that its steps follow.", nullable=True)
    source = fields.String(required=True, allow_none=True, validate=known(JobSource))
    subreddit = fields.String(
        required=True, allow_none=True, metadata=described("A name, in lower case.")
    )
