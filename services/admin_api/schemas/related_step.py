"""Schemas of the steps that follow a job or depend on it. Each step belongs to a group."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import described, identifier
from admin_api.schemas.known import known
from crawljobs.domain.group import StepState
from crawljobs.domain.step import StepRelation


class RelatedStepSchema(DirectDump):
    """A step of a group that follows a job or depends on it."""

    group_id = identifier("The group.")
    key = fields.String(required=True, metadata=described("The name of the step in its group."))
    subreddit = fields.String(required=True, metadata=described("The subreddit of the step."))
    state = fields.String(required=True, validate=known(StepState))
    relation = fields.String(
        required=True,
        validate=known(StepRelation),
        metadata=described(
            "`follows`: the job is the step's crawl. `waits`: the job is an upstream of the step. "
            "`later`: the step still waits for a step that follows the job, or for its group."
        ),
    )


def related_steps() -> fields.List[Any]:
    """Return a field for the first steps, of any group, that follow a job or depend on it."""
    return fields.List(
        fields.Nested(RelatedStepSchema),
        required=True,
        metadata=described("At most 20 steps of groups that follow the job or depend on it."),
    )


def related_steps_total() -> fields.Integer:
    """Return a field for the number of steps, of any group, that follow a job or depend on it."""
    return fields.Integer(
        required=True,
        metadata=described("The number of these steps, counted up to 10,000 of each relation."),
    )
