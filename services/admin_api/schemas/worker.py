"""Processes as the API shows them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import PageParameters, Timestamp, described, next_cursor
from admin_api.schemas.job import JobSchema

ROLES = ("admin-api", "crawler-worker", "scheduler")


class WorkerParameters(PageParameters):
    role = fields.String(
        load_default=None,
        validate=validate.OneOf(ROLES),
        metadata=described("Only processes of this service."),
    )


class WorkerSchema(ma.Schema):
    """A process that says now and then that it is there."""

    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    version = fields.String(required=True)
    started_at = Timestamp(required=True)
    seen_at = Timestamp(required=True)
    alive = fields.Boolean(
        required=True, metadata=described("Seen within the last minute; only told, never relied on")
    )
    details = fields.Dict(required=True, metadata=described("Depends on the service."))
    jobs = fields.List(
        fields.Nested(JobSchema),
        required=True,
        metadata=described("What it crawls now; at most 1,000 jobs are told of in one page."),
    )


class WorkerListSchema(ma.Schema):
    items = fields.List(fields.Nested(WorkerSchema), required=True)
    next = next_cursor()
