"""Why a job runs or does not."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier


class ConditionSchema(ma.Schema):
    """One thing that a claim of this job needs."""

    name = fields.String(required=True)
    met = fields.Boolean(required=True)
    value = fields.String(required=True, metadata=described("How it stands."))
    detail = fields.String(required=True, metadata=described("What is wanted."))


class ExplanationSchema(ma.Schema):
    """Why a job runs or does not: every condition, its place in the queue, what it waits for."""

    job_id = identifier("The job.")
    status = fields.String(required=True)
    summary = fields.String(required=True, metadata=described("One sentence for people."))
    conditions = fields.List(fields.Nested(ConditionSchema), required=True)
    position = fields.Integer(
        required=True, allow_none=True, metadata=described("1 is claimed next; null: not queued.")
    )
    position_at_least = fields.Boolean(
        required=True, metadata=described("There are more jobs before it: counting stopped.")
    )
    waits_for = fields.String(required=True, allow_none=True)
    until = Timestamp(
        required=True, allow_none=True, metadata=described("When that ends, if it is known.")
    )
    estimated_start = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("From its place and the pace of the last hour; null: nobody can tell."),
    )
