"""Schedules as the API takes and shows them."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    Flag,
    PageParameters,
    Timestamp,
    described,
    identifier,
    max_retries,
    next_cursor,
    priority,
    subreddit,
)
from crawljobs.domain.schedule import MisfirePolicy

MISFIRE_POLICIES = [policy.value for policy in MisfirePolicy]
EXPRESSION_MAX_CHARACTERS = 200

_EXPRESSION = (
    "`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`; `@every 90m` (60 s to 366 d); or five "
    "fields: minute, hour, day of month, month, day of week."
)


class ScheduleCreateSchema(ma.Schema):
    """When to crawl which subreddit."""

    name = fields.String(
        required=True,
        validate=validate.And(
            validate.Length(min=1, max=200),
            validate.Regexp(r"\S", error="must not be blank"),
        ),
        metadata=described("Unique, whatever its case.", example="python, nightly"),
    )
    subreddit = subreddit(required=True)
    cron_expression = fields.String(
        required=True,
        validate=validate.Length(min=1, max=EXPRESSION_MAX_CHARACTERS),
        metadata=described(_EXPRESSION, example="30 3 * * MON-FRI"),
    )
    timezone = fields.String(
        load_default="UTC",
        validate=validate.Length(min=1, max=100),
        metadata=described("An IANA time zone.", example="Europe/Vienna"),
    )
    priority = priority(default=20)
    max_retries = max_retries()
    misfire_policy = fields.String(
        load_default="fire_once",
        validate=validate.OneOf(MISFIRE_POLICIES),
        metadata=described("After an outage: fire once for all that was missed, or not at all."),
    )
    enabled = Flag(load_default=True, metadata=described("Whether it fires."))


class ScheduleParameters(PageParameters):
    enabled = fields.Boolean(
        load_default=None,
        truthy={"true"},
        falsy={"false"},
        metadata=described("Only schedules that fire, or only those that do not."),
    )


class ScheduleSchema(ma.Schema):
    """A subreddit that is crawled again and again."""

    id = identifier("The schedule.")
    name = fields.String(required=True)
    subreddit_id = identifier("The subreddit.")
    subreddit = fields.String(required=True, metadata=described("The subreddit's name."))
    cron_expression = fields.String(required=True, metadata=described(_EXPRESSION))
    timezone = fields.String(required=True, metadata=described("An IANA time zone."))
    priority = fields.Integer(required=True)
    max_retries = fields.Integer(
        required=True, allow_none=True, metadata=described("Null: the server's MAX_RETRIES.")
    )
    misfire_policy = fields.String(required=True, validate=validate.OneOf(MISFIRE_POLICIES))
    enabled = fields.Boolean(required=True)
    anchor_at = Timestamp(required=True, metadata=described("`@every` counts from here."))
    next_run_at = Timestamp(
        required=True, allow_none=True, metadata=described("When it fires next.")
    )
    last_run_at = Timestamp(required=True, allow_none=True, metadata=described("When it fired."))
    disabled_reason = fields.String(
        required=True, allow_none=True, metadata=described("Why the scheduler turned it off.")
    )
    version = fields.Integer(required=True, metadata=described("Grows with every change."))
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class ScheduleListSchema(ma.Schema):
    items = fields.List(fields.Nested(ScheduleSchema), required=True)
    next = next_cursor()
