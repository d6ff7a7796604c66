"""Schemas of groups."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor
from admin_api.schemas.known import known
from admin_api.schemas.operation import OperationSummarySchema
from crawljobs.domain.group import GroupOutcome, StepState


class StepCountsSchema(ma.Schema):
    """The numbers of steps by state."""

    pending = fields.Integer(required=True)
    enqueued = fields.Integer(required=True)
    held = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    skipped = fields.Integer(required=True)


class GroupSchema(DirectDump):
    """A group: a set of crawls that users handle as one thing."""

    id = identifier("The group.")
    name = fields.String(
        required=True, allow_none=True, metadata=described("Several groups may have one name.")
    )
    steps = fields.Integer(required=True, metadata=described("The number of steps."))
    counts = fields.Nested(StepCountsSchema, required=True)
    outcome = fields.String(
        required=True,
        allow_none=True,
        validate=known(GroupOutcome),
        metadata=described(
            "`succeeded`, `partly` (some steps succeeded), `failed` or `cancelled`; null until "
            "the group finishes. A skipped step has not succeeded."
        ),
    )
    generation = fields.Integer(
        required=True,
        metadata=described("1; each retry that opens the finished group again adds 1."),
    )
    created_at = Timestamp(required=True)
    created_by = fields.String(
        required=True,
        metadata=described("The name of the token; `system:scheduler` for a due time."),
    )
    sealed_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("Since then the group accepts no steps. Only a sealed group finishes."),
    )
    paused_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("Since then no pending step starts. Enqueued jobs go on."),
    )
    cancelled_at = Timestamp(required=True, allow_none=True)
    cancelled_by = fields.String(required=True, allow_none=True)
    finished_at = Timestamp(required=True, allow_none=True)
    scheduled_job_id = identifier("The schedule that created the group.", nullable=True)
    due_at = Timestamp(
        required=True, allow_none=True, metadata=described("The due time of that schedule.")
    )
    version = fields.Integer(
        required=True,
        metadata=described("Another number after each change, changes of counts included."),
    )


class FirstFailureSchema(DirectDump):
    """A step that did not succeed, or that an operator must decide about."""

    key = fields.String(required=True, metadata=described("The step."))
    state = fields.String(required=True, validate=known(StepState))
    reason = fields.String(required=True, allow_none=True)
    job_id = identifier("The job that the step followed.", nullable=True)


class GroupForecastSchema(DirectDump):
    """How many requests the group's jobs have sent to Reddit, and a forecast."""

    used = fields.Integer(required=True, metadata=described("The requests so far."))
    expected = fields.Integer(
        required=True,
        metadata=described(
            "The estimated requests when the group finishes. A subreddit without a recent crawl "
            "counts as the average of the others."
        ),
    )
    per_minute = fields.Float(
        required=True,
        allow_none=True,
        metadata=described("The average since `started_at`; null before the first request."),
    )
    eta = Timestamp(
        required=True,
        allow_none=True,
        metadata=described(
            "The estimated end at this pace; null if unknown, and for a finished or paused group."
        ),
    )
    is_estimate = fields.Boolean(
        required=True,
        metadata=described(
            "True for a group of more than 1,000 steps: the numbers are computed from a sample of "
            "the steps."
        ),
    )


class GroupOverviewSchema(GroupSchema):
    """A group with its progress."""

    started_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When the first step got its job; null before, or if it was pruned."),
    )
    first_failure = fields.Nested(
        FirstFailureSchema,
        required=True,
        allow_none=True,
        metadata=described(
            "The first failed step; without one, the first cancelled, held or skipped step."
        ),
    )
    requests = fields.Nested(GroupForecastSchema, required=True)
    operation = fields.Nested(
        OperationSummarySchema,
        required=True,
        allow_none=True,
        metadata=described(
            "The unfinished change of more than 1,000 steps, which workers make; null without one."
        ),
    )


class GroupListSchema(ma.Schema):
    items = fields.List(fields.Nested(GroupSchema), required=True)
    next = next_cursor()


def audited(group: Any) -> dict[str, Any]:
    """Return the fields of a group for the audit log, as JSON values."""
    shown: dict[str, Any] = GroupSchema(
        only=(
            *("name", "steps", "outcome", "generation", "sealed_at", "paused_at"),
            *("cancelled_at", "finished_at"),
        )
    ).dump(group)
    return shown
