"""Schemas of the responses that explain why a job runs or does not run."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.related_step import related_steps, related_steps_total


class ConditionSchema(ma.Schema):
    """A condition that must be met before a worker can claim the job."""

    name = fields.String(required=True)
    met = fields.Boolean(required=True)
    value = fields.String(required=True, metadata=described("The current value."))
    detail = fields.String(required=True, metadata=described("The required value."))


class ClaimExplanationSchema(ma.Schema):
    """Explains why a job runs or does not run: conditions, position, and the cause of a wait."""

    summary = fields.String(required=True, metadata=described("One sentence for people."))
    conditions = fields.List(fields.Nested(ConditionSchema), required=True)
    position = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("1 is claimed next; null if not queued."),
    )
    position_at_least = fields.Boolean(
        required=True,
        metadata=described("The job may be further back: counting stopped at this position."),
    )
    waits_for = fields.String(required=True, allow_none=True)
    until = Timestamp(
        required=True, allow_none=True, metadata=described("When the wait ends, if known.")
    )
    estimated_start = Timestamp(
        required=True,
        allow_none=True,
        metadata=described(
            "Estimated from the position and the claims of the last hour; null if unknown."
        ),
    )


class ExplanationSchema(ClaimExplanationSchema):
    """Explains why a job runs or does not run, and which steps of groups depend on the job."""

    job_id = identifier("The job.")
    status = fields.String(required=True)
    steps = related_steps()
    steps_total = related_steps_total()
