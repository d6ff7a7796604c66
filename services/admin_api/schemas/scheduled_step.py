"""Schemas of the steps of schedules."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Whole, described, max_retries, subreddit
from admin_api.schemas.group_edit import KEY_SCHEMA, After, step_key
from admin_api.schemas.step import on_upstream_failure, require_outcome
from crawljobs.domain import job
from crawljobs.domain.group import RequiredOutcome, UpstreamFailure
from crawljobs.domain.group_plan import ALL, WAITS_MAX

_OWN = "Absent or null: the value of the schedule."
_AFTER = (
    "The steps of the schedule that must end before the step starts, by their keys; at most "
    f"{WAITS_MAX}. `{ALL}`: all other steps."
)
_AFTER_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "const": ALL},
        {"type": "array", "items": KEY_SCHEMA, "maxItems": WAITS_MAX},
    ]
}


class AfterKeys(After):
    """The upstreams of a schedule's step. Only steps of the schedule are allowed.

    Each run creates new steps. A job or another group would be the same upstream in each run.
    """

    def __init__(self) -> None:
        super().__init__()
        self.metadata = described(_AFTER, **_AFTER_SCHEMA)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        found = super()._deserialize(value, attr, data, **options)
        wrong = {
            place: ["a step of a schedule waits only for steps of the same schedule, by their keys"]
            for place, upstream in enumerate(() if found == ALL else found)
            if upstream.key is None
        }
        if wrong:
            raise ma.ValidationError(wrong)
        return found


class ScheduledStepRequestSchema(ma.Schema):
    """A step in the body of a request that creates or changes a schedule."""

    key = step_key()
    subreddit = subreddit(required=True)
    priority = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=job.PRIORITY_MIN, max=job.PRIORITY_MAX),
        metadata=described(f"A higher priority is crawled first. {_OWN}"),
    )
    max_retries = max_retries()
    after = AfterKeys()
    on_upstream_failure = on_upstream_failure(load_default=UpstreamFailure.CANCEL.value)
    require_outcome = require_outcome(load_default=RequiredOutcome.ANY.value)


class ScheduledStepSchema(DirectDump):
    """A step of a schedule. Each run creates a group with all steps."""

    key = fields.String(required=True, metadata=described("The name of the step in each group."))
    subreddit = fields.String(required=True, metadata=described("The subreddit's name."))
    priority = fields.Integer(
        required=True, allow_none=True, metadata=described("Null: the schedule's.")
    )
    max_retries = fields.Integer(
        required=True, allow_none=True, metadata=described("Null: the schedule's.")
    )
    after = fields.Raw(
        attribute="upstreams", required=True, metadata=described(_AFTER, **_AFTER_SCHEMA)
    )
    on_upstream_failure = on_upstream_failure(required=True)
    require_outcome = require_outcome(required=True)
