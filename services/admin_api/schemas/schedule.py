"""Schemas of schedules."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor
from admin_api.schemas.known import known
from admin_api.schemas.scheduled_step import ScheduledStepSchema
from crawljobs.domain.schedule import MisfirePolicy

EXPRESSION = (
    "`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`; `@every 90m` (60 s to 366 d); or five "
    "fields: minute, hour, day of month, month, day of week. A day matches if one of its two "
    "fields matches; if one of them begins with `*`, both must match."
)
POLICY = (
    "After an outage, only the latest missed due time can fire: with `fire_once` always, with "
    "`skip` only if it is at most 5 minutes late."
)
DEADLINE = "The longest delay in seconds with which a due time fires; null: the policy decides."
SPREAD = (
    "Delays each run by a fixed number of seconds, at most this one, so that schedules with the "
    "same due time do not start at once."
)


class ScheduleSchema(ma.Schema):
    """A schedule: repeated crawls of a subreddit, or of several subreddits as steps of a group."""

    id = identifier("The schedule.")
    name = fields.String(required=True)
    description = fields.String(
        required=True, allow_none=True, metadata=described("Free text; null without one.")
    )
    subreddit_id = identifier("The subreddit; null for a schedule with steps.", nullable=True)
    subreddit = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The subreddit's name; null for a schedule with steps."),
    )
    steps = fields.List(
        fields.Nested(ScheduledStepSchema),
        required=True,
        allow_none=True,
        metadata=described(
            "The steps of the group that each run creates; null for a schedule of one subreddit. "
            "In a list of schedules also null if the steps have more than 16 KiB."
        ),
    )
    step_count = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("The number of steps; null for a schedule of one subreddit."),
    )
    open_group_id = identifier(
        "The group of the last run, if it has not finished. Until then no due time fires.",
        nullable=True,
    )
    cron_expression = fields.String(required=True, metadata=described(EXPRESSION))
    timezone = fields.String(required=True, metadata=described("An IANA time zone."))
    priority = fields.Integer(required=True)
    max_retries = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("Null: the server's MAX_RETRIES applies."),
    )
    misfire_policy = fields.String(
        required=True, validate=known(MisfirePolicy), metadata=described(POLICY)
    )
    misfire_deadline_seconds = fields.Integer(
        required=True, allow_none=True, metadata=described(DEADLINE)
    )
    spread_seconds = fields.Integer(required=True, metadata=described(SPREAD))
    enabled = fields.Boolean(required=True)
    anchor_at = Timestamp(required=True, metadata=described("`@every` counts from this time."))
    next_run_at = Timestamp(
        required=True, allow_none=True, metadata=described("When the schedule fires next.")
    )
    last_run_at = Timestamp(
        required=True, allow_none=True, metadata=described("When it last fired.")
    )
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        metadata=described("Why the scheduler disabled it."),
    )
    version = fields.Integer(required=True, metadata=described("Increases with every change."))
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class WrittenScheduleSchema(ScheduleSchema):
    """A created or changed schedule, with a warning if all schedules exceed Reddit's budget."""

    estimated_requests_per_day = fields.Integer(
        required=True,
        metadata=described(
            "The estimated requests of all enabled schedules, from recent crawls of their "
            "subreddits."
        ),
    )
    daily_request_budget = fields.Integer(
        required=True,
        metadata=described("The requests that Reddit allows per day."),
    )
    warning = fields.String(
        required=True,
        allow_none=True,
        metadata=described("Present if the estimate exceeds the budget; else null."),
    )


class ScheduleListSchema(ma.Schema):
    items = fields.List(fields.Nested(ScheduleSchema), required=True)
    next = next_cursor()
