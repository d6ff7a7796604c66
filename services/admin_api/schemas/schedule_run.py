"""The ledger of a schedule, and previews, as the API shows them."""

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
from admin_api.schemas.schedule import cron_expression, timezone
from crawljobs.domain.schedule import RunOutcome

PREVIEW_MAX = 100  # due times: what a person reads, and a moment of computing


class RunParameters(PageParameters):
    """A page of the ledger."""


class RunSchema(ma.Schema):
    """A due time of a schedule, and what became of it."""

    id = identifier("The run.")
    due_at = Timestamp(required=True, metadata=described("When it was due."))
    due_until = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The last due time of a long run of missed ones; else null."),
    )
    ticks = fields.Integer(
        required=True, metadata=described("How many due times this is: more than 1 when missed.")
    )
    fired_at = Timestamp(required=True, metadata=described("When a scheduler dealt with it."))
    outcome = fields.String(
        required=True,
        validate=validate.OneOf([outcome.value for outcome in RunOutcome]),
        metadata=described(
            "`enqueued`: a new job. `merged`: the subreddit's live job serves it too. `skipped`: "
            "too late under the policy. `missed`: a later due time came before any scheduler, or "
            "the schedule was changed or turned off."
        ),
    )
    job_id = identifier("The job; it may have been pruned since.", nullable=True)
    manual = fields.Boolean(required=True, metadata=described("Asked for by hand."))


class RunListSchema(ma.Schema):
    items = fields.List(fields.Nested(RunSchema), required=True)
    next = next_cursor()


class PreviewRequestSchema(ma.Schema):
    """An expression to try."""

    cron_expression = cron_expression()
    timezone = timezone()
    count = Whole(
        load_default=5,
        validate=validate.Range(min=1, max=PREVIEW_MAX),
        metadata=described("How many due times to show."),
    )


class UpcomingSchema(ma.Schema):
    """A due time to come."""

    utc = Timestamp(required=True)
    local = fields.AwareDateTime(
        required=True, format="iso", metadata=described("On the clock of the time zone.")
    )
    note = fields.String(
        required=True,
        allow_none=True,
        metadata=described("What a change of the clock does to it; null on ordinary days."),
    )


class PreviewSchema(ma.Schema):
    """What an expression means."""

    cron_expression = fields.String(required=True, metadata=described("As it is understood."))
    timezone = fields.String(required=True)
    description = fields.String(required=True, metadata=described("In plain English."))
    next_runs = fields.List(
        fields.Nested(UpcomingSchema),
        required=True,
        metadata=described("Fewer than asked for when the calendar ends before."),
    )
