"""Schemas of the responses that explain why a job runs or does not run."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.known import known
from admin_api.schemas.related_step import related_steps, related_steps_total
from crawljobs.domain.api_token import Scope


class RemedySchema(ma.Schema):
    """How an operator removes an obstacle. If no request can remove it, only `text` is set."""

    text = fields.String(required=True)
    method = fields.String(required=True, allow_none=True)
    path = fields.String(required=True, allow_none=True, metadata=described("A path of this API."))
    body = fields.Dict(
        required=True, allow_none=True, metadata=described("The body; null: send no body.")
    )
    scope = fields.String(
        required=True,
        allow_none=True,
        validate=known(Scope),
        metadata=described("The scope that the token needs."),
    )
    crawlctl = fields.String(
        required=True, allow_none=True, metadata=described("The command that does the same.")
    )


class ConditionSchema(ma.Schema):
    """A condition that must be met before a worker can claim the job."""

    name = fields.String(required=True)
    met = fields.Boolean(required=True)
    value = fields.String(required=True, metadata=described("The current value."))
    detail = fields.String(required=True, metadata=described("The required value."))
    until = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When an unmet condition will be met, if known."),
    )
    remedy = fields.Nested(
        RemedySchema,
        required=True,
        allow_none=True,
        metadata=described("How an operator meets the condition; null if it is met."),
    )


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
    obstacle = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The name of the condition that delays the job most; null without one."),
    )
    remedy = fields.Nested(
        RemedySchema,
        required=True,
        allow_none=True,
        metadata=described("The best action of an operator; null without one."),
    )


class ExplanationSchema(ClaimExplanationSchema):
    """Explains why a job runs or does not run, and which steps of groups depend on the job."""

    job_id = identifier("The job.")
    status = fields.String(required=True)
    steps = related_steps()
    steps_total = related_steps_total()
