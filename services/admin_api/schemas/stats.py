"""Schemas of the statistics of the queue."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.known import known
from crawljobs.domain import job

DECIMALS = 3
STATUSES = [status.value for status in job.JobStatus]

ByStatus = ma.Schema.from_dict(
    {status: fields.Integer(required=True) for status in STATUSES}, name="JobsByStatus"
)


class Rounded(fields.Float):
    """A number with at most DECIMALS decimal places in the response."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> Any:
        return None if value is None else round(float(value), DECIMALS)


def _share(text: str) -> fields.Float:
    return Rounded(
        required=True,
        allow_none=True,
        validate=validate.Range(min=0, max=1),
        metadata=described(text),
    )


def _seconds(text: str) -> fields.Float:
    return Rounded(required=True, allow_none=True, metadata=described(text))


class RecentSchema(ma.Schema):
    """Statistics of the newest jobs that finished in the last hour, at most 1,000 jobs."""

    sampled = fields.Integer(required=True, metadata=described("The number of jobs in the sample."))
    since = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When the oldest job of the sample ended."),
    )
    finished_per_minute = Rounded(
        required=True,
        metadata=described("Succeeded and failed jobs per minute of `observed_seconds`."),
    )
    observed_seconds = Rounded(
        required=True,
        metadata=described(
            "The time span of the sample: since its oldest job for a full sample, else the last "
            "hour, or the shorter time since the workers started."
        ),
    )
    failure_rate = _share("The share of failed jobs among the succeeded and failed jobs.")
    retry_success_rate = _share("The share of succeeded jobs among the retried jobs.")
    wait_seconds_p50 = _seconds("The median time from claimable to claimed.")
    wait_seconds_p95 = _seconds("The 95th percentile of the time from claimable to claimed.")


class StatsSchema(ma.Schema):
    """Jobs by state, the longest wait of a queued job, and statistics of recent crawls."""

    by_status = fields.Nested(ByStatus, required=True)
    capped = fields.List(
        fields.String(validate=known(job.JobStatus)),
        required=True,
        metadata=described("States with more jobs than shown: counting stops at 100,000."),
    )
    queued_by_priority = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=described("The number of queued jobs by effective priority."),
    )
    oldest_queued_at = Timestamp(
        required=True, allow_none=True, metadata=described("Null if no job is queued.")
    )
    oldest_queued_seconds = _seconds("The time for which the oldest queued job has waited.")
    paused = fields.Boolean(required=True, metadata=described("The whole queue is paused."))
    paused_subreddits = fields.Integer(
        required=True, metadata=described("The number of paused subreddits.")
    )
    recent = fields.Nested(RecentSchema, required=True)

    @ma.post_dump
    def _in_order(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**dumped, "capped": sorted(dumped["capped"])}
