"""The queue in numbers."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described
from crawljobs.domain import job

ByStatus = ma.Schema.from_dict(
    {status.value: fields.Integer(required=True) for status in job.JobStatus},
    name="JobsByStatus",
)


class StatsSchema(ma.Schema):
    """Jobs by state, and how long the oldest claimable one has waited."""

    by_status = fields.Nested(ByStatus, required=True)
    queued_by_priority = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=described("How many jobs are queued at each effective priority."),
    )
    oldest_queued_at = Timestamp(
        required=True, allow_none=True, metadata=described("Null when nothing is queued.")
    )
