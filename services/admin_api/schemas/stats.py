"""Schemas of the statistics of the queue and of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.group import StepCountsSchema
from admin_api.schemas.known import known
from crawljobs.domain import job
from crawljobs.domain.group_totals import GroupTotals
from crawljobs.domain.queue_stats import QueueStats

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


class GroupsByStateSchema(ma.Schema):
    """The numbers of open groups by state.

    If several states apply to a group, it counts only in the first of these fields.
    """

    held = fields.Integer(required=True, metadata=described("A step of the group is held."))
    paused = fields.Integer(required=True)
    unsealed = fields.Integer(required=True)
    running = fields.Integer(required=True)


class GroupsByOutcomeSchema(ma.Schema):
    """The numbers of recently finished groups by outcome."""

    succeeded = fields.Integer(required=True)
    partly = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)


class GroupTotalsSchema(ma.Schema):
    """Open groups and their steps by state, and the outcomes of recent groups."""

    by_state = fields.Nested(
        GroupsByStateSchema, required=True, metadata=described("The open groups.")
    )
    steps = fields.Nested(
        StepCountsSchema, required=True, metadata=described("The steps of the open groups.")
    )
    recent = fields.Nested(
        GroupsByOutcomeSchema,
        required=True,
        metadata=described("The newest 100 groups that finished within the last day."),
    )
    oldest_pending_seconds = _seconds(
        "The age of the oldest pending step of the groups that are not paused; null without one."
    )
    capped = fields.Boolean(
        required=True,
        metadata=described("More groups are open than shown: the oldest 10,000 are counted."),
    )


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


@dataclass(frozen=True)
class Stats(QueueStats):
    """The statistics of the queue and of the groups."""

    groups: GroupTotals


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
    groups = fields.Nested(GroupTotalsSchema, required=True)

    @ma.post_dump
    def _in_order(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**dumped, "capped": sorted(dumped["capped"])}
