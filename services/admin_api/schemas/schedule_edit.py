"""Schemas of requests that create or change a schedule, or list schedules."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    DESCRIPTION_MAX_CHARACTERS,
    INT8_MAX,
    NAME_MAX_CHARACTERS,
    Flag,
    Name,
    PageParameters,
    Whole,
    described,
    max_retries,
    priority,
    subreddit,
    truth,
)
from admin_api.schemas.group_edit import steps
from admin_api.schemas.known import known
from admin_api.schemas.schedule import DEADLINE, EXPRESSION, POLICY, SPREAD
from admin_api.schemas.scheduled_step import ScheduledStepRequestSchema
from crawljobs.domain.cron import LONGEST_EXPRESSION
from crawljobs.domain.due_times import LONGEST_SPREAD
from crawljobs.domain.schedule import LONGEST_DEADLINE, MisfirePolicy


class Description(fields.String):
    """A free text. Loading trims white space at its ends."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        return super()._deserialize(value, attr, data, **options).strip()


def description() -> fields.String:
    return Description(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=DESCRIPTION_MAX_CHARACTERS),
        metadata=described(
            "A free text for people, with line breaks if needed; null or blank: none. White space "
            "at its ends is trimmed.",
            example="For the weekly report",
        ),
    )


def cron_expression() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(min=1, max=LONGEST_EXPRESSION),
        metadata=described(EXPRESSION, example="30 3 * * MON-FRI"),
    )


def timezone() -> fields.String:
    return fields.String(
        load_default="UTC",
        validate=validate.Length(min=1, max=100),
        metadata=described("An IANA time zone.", example="Europe/Vienna"),
    )


def subreddit_id() -> fields.Integer:
    return Whole(
        load_default=None,
        allow_none=False,
        validate=validate.Range(min=1, max=INT8_MAX),
        metadata=described("The id of a stored subreddit.", format="int64"),
    )


class ScheduleBodySchema(ma.Schema):
    """A schedule. Give one of `subreddit`, `subreddit_id` and `steps`."""

    name = Name(
        required=True,
        validate=[
            validate.Regexp(r"[\s\S]*\S", error="must not be blank"),
            validate.Length(min=1, max=NAME_MAX_CHARACTERS),
        ],
        metadata=described(
            "A unique name; case does not matter. Stored in normal form NFKC, without spaces at "
            "its ends.",
            example="python, nightly",
        ),
    )
    description = description()
    subreddit = subreddit(load_default=None, allow_none=False)
    subreddit_id = subreddit_id()
    steps = steps(
        ScheduledStepRequestSchema,
        least=1,
        load_default=None,
        allow_none=False,
        metadata=described(
            "Each run creates a sealed group with these steps, at most 10,000. Needs the scope "
            "`jobs` too."
        ),
    )
    cron_expression = cron_expression()
    timezone = timezone()
    priority = priority(default=20)
    max_retries = max_retries()
    misfire_policy = fields.String(
        load_default=MisfirePolicy.FIRE_ONCE.value,
        validate=known(MisfirePolicy),
        metadata=described(POLICY),
    )
    misfire_deadline_seconds = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=1, max=int(LONGEST_DEADLINE.total_seconds())),
        metadata=described(DEADLINE),
    )
    spread_seconds = Whole(
        load_default=0,
        validate=validate.Range(min=0, max=int(LONGEST_SPREAD.total_seconds())),
        metadata=described(SPREAD),
    )
    enabled = Flag(load_default=True, metadata=described("Whether the schedule fires."))

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_subreddit_or_steps(
        self, _: dict[str, Any], body: Any, *, partial: bool | None, **__: Any
    ) -> None:
        named = [
            name
            for name in ("subreddit", "subreddit_id", "steps")
            if isinstance(body, dict) and name in body
        ]
        if len(named) > 1 and "steps" in named:
            raise ma.ValidationError({"steps": ["give steps or a subreddit, not both"]})
        if len(named) == 2:
            raise ma.ValidationError({"subreddit_id": ["give subreddit_id or subreddit, not both"]})
        if not named and not partial:
            raise ma.ValidationError(
                {"subreddit": ["give a subreddit (or subreddit_id), or steps"]}
            )


class SchedulePatchSchema(ScheduleBodySchema):
    """The fields of a schedule to change. Absent fields stay unchanged."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": True, **options})

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.load_default = ma.missing


class ToggleSchema(ma.Schema):
    """The request to enable or disable a schedule."""

    enabled = Flag(metadata=described("Absent: the opposite of the current value."))


def _either(description: str) -> fields.Boolean:
    return truth(load_default=None, metadata=described(description))


class ScheduleParameters(PageParameters):
    enabled = _either("true: only enabled schedules; false: only disabled ones.")
    broken = _either("true: only schedules that the scheduler disabled; false: only the others.")
    subreddit = subreddit(load_default=None)
    subreddit_id = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=INT8_MAX),
        metadata=described(
            "Only schedules of this subreddit, without schedules with steps.", format="int64"
        ),
    )
