"""Schemas of a schedule's ledger (its due times with outcomes), and of previews of due times."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    PageParameters,
    Timestamp,
    Whole,
    described,
    identifier,
    next_cursor,
)
from admin_api.schemas.known import known
from admin_api.schemas.schedule_edit import cron_expression, timezone
from crawljobs.domain.schedule import RunOutcome

PREVIEW_MAX = 100  # limit of due times in a preview; more would take too long to compute


class RunParameters(PageParameters):
    """The query parameters of a schedule's ledger."""


class RunSchema(ma.Schema):
    """A due time of a schedule, and its outcome."""

    id = identifier("The run.")
    due_at = Timestamp(required=True, metadata=described("When it was due."))
    due_until = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The last of several missed due times in this row; else null."),
    )
    ticks = fields.Integer(
        required=True,
        metadata=described("The number of due times in this row; above 1 only for missed ones."),
    )
    fired_at = Timestamp(required=True, metadata=described("When a scheduler processed it."))
    outcome = fields.String(
        required=True,
        validate=known(RunOutcome),
        metadata=described(
            "`enqueued`: a new job or group. `merged`: the live job of the subreddit also serves "
            "the run. `skipped`: too late under the policy, or the last group had not finished. "
            "`missed`: a later due time passed before a scheduler processed this one, or the "
            "schedule was changed or disabled."
        ),
    )
    job_id = identifier("The job; it may have been deleted since.", nullable=True)
    group_id = identifier(
        "The group of a schedule with steps; it may have been deleted since.", nullable=True
    )
    manual = fields.Boolean(required=True, metadata=described("An operator started the run."))


class RunListSchema(ma.Schema):
    items = fields.List(fields.Nested(RunSchema), required=True)
    next = next_cursor()


class PreviewRequestSchema(ma.Schema):
    """A cron expression whose due times are previewed."""

    cron_expression = cron_expression()
    timezone = timezone()
    count = Whole(
        load_default=5,
        validate=validate.Range(min=1, max=PREVIEW_MAX),
        metadata=described("The number of due times to show."),
    )


class UpcomingSchema(ma.Schema):
    """A future due time."""

    utc = Timestamp(required=True)
    local = fields.AwareDateTime(
        required=True, format="iso", metadata=described("The local time in the time zone.")
    )
    note = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The effect of a clock change on this time; null without one."),
    )


class PreviewSchema(ma.Schema):
    """The meaning and the next due times of a cron expression."""

    cron_expression = fields.String(required=True, metadata=described("In normal form."))
    timezone = fields.String(required=True)
    description = fields.String(required=True, metadata=described("The meaning in English."))
    next_runs = fields.List(
        fields.Nested(UpcomingSchema),
        required=True,
        metadata=described("Fewer than requested if the calendar ends first."),
    )
