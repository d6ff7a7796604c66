"""Schemas of a group with its graph and its series, and of the short form of groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.explanation import RemedySchema
from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor
from admin_api.schemas.group import GroupOverviewSchema, StepCountsSchema
from admin_api.schemas.known import known
from admin_api.schemas.stats import Rounded
from crawljobs.domain.group import Group, GroupOutcome, StepState
from crawljobs.domain.group_obstacles import GroupObstacle
from crawljobs.domain.group_pace import GroupProgress, GroupState
from crawljobs.repository.groups.group_reads import GroupOverview


@dataclass(frozen=True)
class GroupRow(Group):
    """A group with its state and its progress."""

    state: GroupState
    progress: GroupProgress


@dataclass(frozen=True)
class GroupDetail(GroupOverview):
    """A group with all data for its page in the dashboard. `graph` is None for a large group."""

    as_of: datetime
    state: GroupState
    progress: GroupProgress
    obstacles: list[GroupObstacle]
    graph: dict[str, Any] | None
    stages: list[dict[str, Any]]
    burn_up: list[dict[str, Any]]
    is_whole: bool


class GroupProgressSchema(DirectDump):
    """The steps of a group in numbers."""

    done = fields.Integer(required=True, metadata=described("Ended steps."))
    failed = fields.Integer(required=True, metadata=described("Ended steps that did not succeed."))
    left = fields.Integer(required=True, metadata=described("Steps that have not ended."))
    steps_per_minute = Rounded(
        required=True,
        allow_none=True,
        metadata=described("The average since the start; null before a step has ended."),
    )
    eta = Timestamp(
        required=True,
        allow_none=True,
        metadata=described(
            "The expected end at this pace; null if unknown, and for a paused or finished group or "
            "one with held steps."
        ),
    )


class GroupObstacleSchema(ma.Schema):
    """A cause that delays the group."""

    code = fields.String(
        required=True,
        metadata=described(
            "`held`, `paused`, `unsealed`, `pending`, `failed`, or `jobs_` and a state of jobs."
        ),
    )
    count = fields.Integer(required=True, metadata=described("Steps or jobs of the cause."))
    text = fields.String(required=True)
    remedy = fields.Nested(RemedySchema, required=True, allow_none=True)


class GraphStepSchema(DirectDump):
    """A step of the graph."""

    id = identifier("The step.")
    key = fields.String(required=True)
    subreddit = fields.String(required=True)
    state = fields.String(required=True, validate=known(StepState))
    job_id = identifier("The job that the step follows.", nullable=True)
    depth = fields.Integer(
        required=True, metadata=described("The steps on the longest chain that leads to the step.")
    )
    waiting_for = fields.Integer(required=True, metadata=described("Upstreams that are open."))


class GraphWaitSchema(DirectDump):
    """An edge of the graph: a step waits for a step of the group, a job, or a group."""

    step_id = identifier("The step that waits.")
    upstream_step_id = identifier("The step.", nullable=True)
    upstream_job_id = identifier("The job.", nullable=True)
    upstream_group_id = identifier(
        "The group. The group of the step itself means all its other steps.", nullable=True
    )
    has_ended = fields.Boolean(required=True)


class GroupGraphSchema(ma.Schema):
    """The steps of a group and their waits."""

    steps = fields.List(fields.Nested(GraphStepSchema), required=True)
    waits = fields.List(fields.Nested(GraphWaitSchema), required=True)
    has_all_waits = fields.Boolean(
        required=True, metadata=described("false: only the first 1,500 waits are shown.")
    )


class GroupStageSchema(ma.Schema):
    """The steps of one depth."""

    depth = fields.Integer(required=True)
    steps = fields.Integer(required=True)
    counts = fields.Nested(StepCountsSchema, required=True)


class BurnUpPointSchema(ma.Schema):
    """How many steps had ended at one time."""

    at = Timestamp(required=True)
    done = fields.Integer(required=True)
    failed = fields.Integer(required=True, metadata=described("Of these, those without success."))


class GroupDetailSchema(GroupOverviewSchema):
    """A group with its progress, its graph and the series of its ended steps."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    state = fields.String(required=True, validate=known(GroupState))
    progress = fields.Nested(GroupProgressSchema, required=True)
    obstacles = fields.List(
        fields.Nested(GroupObstacleSchema),
        required=True,
        metadata=described("The causes that hold up the group; those for an operator first."),
    )
    graph = fields.Nested(
        GroupGraphSchema,
        required=True,
        allow_none=True,
        metadata=described("Null for a group of more than 150 steps; see `stages`."),
    )
    stages = fields.List(
        fields.Nested(GroupStageSchema),
        required=True,
        metadata=described("The steps by depth."),
    )
    burn_up = fields.List(
        fields.Nested(BurnUpPointSchema),
        required=True,
        metadata=described("60 points from the start of the group to now, or to its end."),
    )
    is_whole = fields.Boolean(
        required=True,
        metadata=described("false: `stages` and `burn_up` are of 10,000 of the steps."),
    )


class GroupRowSchema(DirectDump):
    """A group in its short form. `GET /api/admin/groups/{group_id}` shows the other fields."""

    id = identifier("The group.")
    name = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, validate=known(GroupState))
    outcome = fields.String(required=True, allow_none=True, validate=known(GroupOutcome))
    steps = fields.Integer(required=True)
    counts = fields.Nested(StepCountsSchema, required=True)
    progress = fields.Nested(GroupProgressSchema, required=True)
    created_at = Timestamp(required=True)
    created_by = fields.String(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
    scheduled_job_id = identifier("The schedule that created the group.", nullable=True)
    version = fields.Integer(
        required=True, metadata=described("Send it in quotes as If-Match when you change it.")
    )


class GroupRowListSchema(ma.Schema):
    items = fields.List(fields.Nested(GroupRowSchema), required=True)
    next = next_cursor()
