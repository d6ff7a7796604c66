"""Schemas of the response that explains the state of a step."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.explanation import ClaimExplanationSchema
from admin_api.schemas.fields import described, identifier
from admin_api.schemas.known import known
from crawljobs.domain.group import StepState
from crawljobs.domain.upstream_facts import UpstreamKind


class UpstreamSchema(ma.Schema):
    """A step, job or group on which the explained step depends, also through other upstreams."""

    number = fields.Integer(required=True, metadata=described("1, 2, ... in this list."))
    waited_for_by = fields.Integer(
        required=True,
        metadata=described("The number of the item that waits for it; 0 is the explained step."),
    )
    depth = fields.Integer(
        required=True, metadata=described("1 for an upstream of the explained step.")
    )
    kind = fields.String(required=True, validate=known(UpstreamKind))
    group_id = identifier("The group, or the group of the step.", nullable=True)
    key = fields.String(
        required=True, allow_none=True, metadata=described("The key of the step in its group.")
    )
    job_id = identifier("The job, or the job that the step follows.", nullable=True)
    subreddit = fields.String(required=True, allow_none=True)
    state = fields.String(
        required=True,
        metadata=described(
            "The state of the step or of the job; of a group `open`, `paused` or its outcome; "
            "`deleted` if it does not exist any more."
        ),
    )
    summary = fields.String(required=True, metadata=described("A few sentences for people."))
    is_root = fields.Boolean(
        required=True, metadata=described("It waits for no further upstream: it is a root cause.")
    )
    explanation = fields.Nested(
        ClaimExplanationSchema,
        required=True,
        allow_none=True,
        metadata=described("Of at most 20 live jobs: why the job runs or does not run."),
    )


class StepExplanationSchema(ma.Schema):
    """Explains why a step has its state. Lists its upstreams, and their upstreams in turn."""

    group_id = identifier("The group.")
    key = fields.String(required=True, metadata=described("The step."))
    state = fields.String(required=True, validate=known(StepState))
    summary = fields.String(
        required=True,
        metadata=described(
            "A few sentences for people: the state of the step, and a held step or a root cause."
        ),
    )
    upstreams = fields.List(
        fields.Nested(UpstreamSchema),
        required=True,
        metadata=described(
            "The nearest first; each once, at most 20 of each depth, 300 in all, down to depth 100."
        ),
    )
    complete = fields.Boolean(
        required=True, metadata=described("false: further upstreams exist that are not shown.")
    )
