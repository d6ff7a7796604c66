"""Schemas of requests that change many steps of a group, such as a cancel, and of the responses."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Flag, Whole, described, identifier
from admin_api.schemas.known import known
from crawljobs.domain import job
from crawljobs.domain.operation import CHUNK, BatchResult


class GroupChangeSchema(ma.Schema):
    """Options of a change of a group."""

    dry_run = Flag(
        load_default=False, metadata=described("Return the result for each step without a change.")
    )


class GroupBoostSchema(GroupChangeSchema):
    """The points to add to the priority of a group's jobs and waiting steps."""

    boost = Whole(
        required=True,
        validate=validate.Range(min=1, max=job.PRIORITY_MAX),
        metadata=described("Points to add to each priority, up to 100."),
    )


class GroupChangeItemSchema(ma.Schema):
    """What a change of a group did to one of its steps."""

    key = fields.String(required=True, metadata=described("The step."))
    job_id = identifier("The job that the step follows, or followed.", nullable=True)
    result = fields.String(
        required=True,
        validate=known(BatchResult),
        metadata=described(
            "Of a cancel: `cancelled`, `kept` (other requests share the job, so it stays) or "
            "`ended` (the job has ended already). Of a retry: `retried`, `pending` (the job "
            "cannot be retried, so the step is enqueued again) or `follows` (the job is live "
            "already). Of a boost: `boosted`, `unchanged` or `ended`."
        ),
    )
    detail = fields.String(
        required=True, metadata=described("An explanation for people; may be empty.")
    )


class GroupChangeResultSchema(ma.Schema):
    """The response to a change of a group."""

    dry_run = fields.Boolean(required=True, metadata=described("Whether it was a dry run."))
    group_id = identifier("The group.")
    steps = fields.Integer(
        required=True,
        metadata=described(
            f"The number of steps that the change concerns. Above {CHUNK:,}, a dry run has the "
            "results of the first steps only, and the change itself becomes an operation."
        ),
    )
    detail = fields.String(
        required=True,
        metadata=described(
            "If the change concerns no step, the reason, for people. Otherwise empty. For example, "
            "cancelled steps are not retried."
        ),
    )
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=described("The number of items by result."),
    )
    jobs_changed = fields.Integer(required=True, metadata=described("The number of changed jobs."))
    items = fields.List(
        fields.Nested(GroupChangeItemSchema),
        required=True,
        metadata=described(f"The results of the steps, at most {CHUNK:,}."),
    )
