"""Read a group's steps as a graph, as numbers of steps by depth (stages), and as a time series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, bindparam, cast, extract, func, select

from crawljobs.db.tables import group_steps, step_waits, subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.group import StepState
from crawljobs.repository.sql import ONE_ROW, ids, inline_number

GRAPH_MAX = 150  # a group with more steps is shown as stages
WAITS_MAX = 1_500  # limit of the waits that a graph shows as edges
# Limit of the steps that are counted for the stages and the series, in about 10 ms.
STEPS_MAX = 10_000
LAST_MAX = 1_000  # limit of the counted steps that wait for all other steps of the group
BUCKETS = 60  # number of parts into which the time of the series is divided


def _epoch(time: ColumnElement[Any]) -> ColumnElement[float]:
    """Return the time as a double, because arithmetic with numeric is slower."""
    return cast(extract("epoch", time), Double)


_step = group_steps.c
_of_group = _step.group_id == bindparam("group_id")
_name = select(subreddits.c.name).where(subreddits.c.id == _step.subreddit_id).scalar_subquery()
_NODES = (
    select(
        _step.id,
        _step.group_id,
        _step.key,
        _name.label("subreddit"),
        _step.state,
        _step.job_id,
        _step.depth,
        _step.waiting_for,
    )
    .where(_of_group)
    .order_by(_step.id)
    .limit(inline_number(GRAPH_MAX))
)
_wait = step_waits.c
_WAITS = (
    select(
        _wait.step_id,
        _wait.upstream_step_id,
        _wait.upstream_job_id,
        _wait.upstream_group_id,
        _wait.ended_at.is_not(None).label("has_ended"),
    )
    .where(_wait.step_id == func.any(ids("steps")))
    .order_by(_wait.step_id, _wait.id)
    .limit(inline_number(WAITS_MAX + 1))
)
_first = (
    select(_step.depth, _step.state, _step.changed_at)
    .where(_of_group)
    .limit(inline_number(STEPS_MAX))  # no ORDER BY, because Postgres would have to sort all steps
    .subquery("first_steps")
)
# The number of the bucket (one of BUCKETS equal parts of the time from `since` to `until`) in which
# the state of the step last changed. The first bucket has the number 1.
_place = func.width_bucket(
    _epoch(_first.c.changed_at),
    _epoch(bindparam("since", type_=Timestamp)),
    _epoch(bindparam("until", type_=Timestamp)),
    inline_number(BUCKETS),
)
_STAGES = select(
    _first.c.depth, _first.c.state, _place.label("place"), func.count().label("steps")
).group_by(_first.c.depth, _first.c.state, _place)

# Steps that wait for all other steps of their group. Their stored depth is 0.
_own_wait = (
    select(_wait.step_id)
    .where(_wait.upstream_group_id == bindparam("group_id"))
    .order_by(_wait.id)
    .limit(inline_number(LAST_MAX))
    .subquery("own_wait")
)
_last = (
    select(_step.depth, _step.state)
    .where(_step.id == _own_wait.c.step_id, _of_group)
    .limit(ONE_ROW)
    .lateral("last_step")
)
_LAST = (
    select(_last.c.depth, _last.c.state, func.count().label("steps"))
    .select_from(_own_wait.join(_last, _own_wait.c.step_id > inline_number(0)))
    .group_by(_last.c.depth, _last.c.state)
)


@dataclass(frozen=True)
class GraphStep:
    """A step of the graph. `depth` is the number of steps on the longest chain that leads to it."""

    id: int
    group_id: int
    key: str
    subreddit: str
    state: StepState
    job_id: int | None
    depth: int
    waiting_for: int


@dataclass(frozen=True)
class GraphWait:
    """A wait of the step `step_id`. One of the three upstreams is set."""

    step_id: int
    upstream_step_id: int | None
    upstream_job_id: int | None
    upstream_group_id: int | None
    has_ended: bool


@dataclass(frozen=True)
class StageCount:
    """The number of steps with the same depth and state that changed in the same bucket.

    The time from `since` to `until` has BUCKETS parts of equal length, the buckets. `place` is the
    number of a bucket.
    """

    depth: int
    state: StepState
    place: int
    steps: int


def nodes(conn: Connection, *, group_id: int) -> list[GraphStep]:
    """Return at most GRAPH_MAX steps of the group, in the order in which they were added."""
    rows = conn.execute(_NODES, {"group_id": group_id}).mappings()
    return [GraphStep(**{**row, "state": StepState(row["state"])}) for row in rows]


def waits(conn: Connection, *, step_ids: Sequence[int]) -> list[GraphWait]:
    """Return at most WAITS_MAX + 1 waits of these steps. Only WAITS_MAX waits are shown."""
    rows = conn.execute(_WAITS, {"steps": list(step_ids)}).mappings() if step_ids else ()
    return [GraphWait(**row) for row in rows]


def stages(
    conn: Connection, *, group_id: int, since: datetime, until: datetime
) -> list[StageCount]:
    """Count the steps of a group by depth, state and part of the time from `since` to `until`.

    At most STEPS_MAX steps are counted. `since` must be before `until`.
    """
    values = {"group_id": group_id, "since": since, "until": until}
    return [
        StageCount(row.depth, StepState(row.state), row.place, row.steps)
        for row in conn.execute(_STAGES, values)
    ]


def last_steps(conn: Connection, *, group_id: int) -> list[StageCount]:
    """Count steps that wait for all other steps of the group, by state, at most LAST_MAX steps."""
    return [
        StageCount(row.depth, StepState(row.state), 0, row.steps)
        for row in conn.execute(_LAST, {"group_id": group_id})
    ]
