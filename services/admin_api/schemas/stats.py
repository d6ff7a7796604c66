"""The queue in numbers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described
from crawljobs.domain import job

STATUSES = [status.value for status in job.JobStatus]

ByStatus = ma.Schema.from_dict(
    {status: fields.Integer(required=True) for status in STATUSES}, name="JobsByStatus"
)


def _share(text: str) -> fields.Float:
    return fields.Float(
        required=True,
        allow_none=True,
        validate=validate.Range(min=0, max=1),
        metadata=described(text),
    )


def _seconds(text: str) -> fields.Float:
    return fields.Float(required=True, allow_none=True, metadata=described(text))


class RecentSchema(ma.Schema):
    """The newest finished jobs of the last hour, at most 1,000 of them."""

    sampled = fields.Integer(required=True, metadata=described("How many jobs this tells of."))
    since = Timestamp(
        required=True, allow_none=True, metadata=described("When the oldest of them ended.")
    )
    finished_per_minute = fields.Float(
        required=True, metadata=described("Jobs that succeeded or failed.")
    )
    failure_rate = _share("The share that failed, of those that succeeded or failed.")
    retry_success_rate = _share("The share that succeeded, of those that were tried again.")
    wait_seconds_p50 = _seconds("From claimable to claimed, the median.")
    wait_seconds_p95 = _seconds("The same, the 95th percentile.")


class StatsSchema(ma.Schema):
    """Jobs by state, how long the oldest claimable one has waited, and how crawls went lately."""

    by_status = fields.Nested(ByStatus, required=True)
    capped = fields.List(
        fields.String(validate=validate.OneOf(STATUSES)),
        required=True,
        metadata=described("States of which there are more than told: counting stops at 100,000."),
    )
    queued_by_priority = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=described("How many jobs are queued at each effective priority."),
    )
    oldest_queued_at = Timestamp(
        required=True, allow_none=True, metadata=described("Null when nothing is queued.")
    )
    oldest_queued_seconds = _seconds("How long that one has waited.")
    paused = fields.Boolean(required=True, metadata=described("Nothing is claimed at all."))
    paused_subreddits = fields.Integer(
        required=True, metadata=described("How many subreddits are paused.")
    )
    recent = fields.Nested(RecentSchema, required=True)

    @ma.post_dump
    def _in_order(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**dumped, "capped": sorted(dumped["capped"])}
